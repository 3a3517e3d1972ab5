"""Status messages of Dante devices (audio and video over IP) to 224.0.0.231, port 8702: the product, and the module of
Audinate in it.

Dante is proprietary; the layout is that of public programs. Reads the product and the module; other messages, such as
clocks, levels and changes of channels, are reported by number.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 8702
START, VENDOR = 0xFFFF, b"Audinate"
MODULE, PRODUCT = 0x0060, 0x00C0
MODULE_FIRMWARE, MODULE_NAME = slice(32, 36), slice(88, 152)
PRODUCT_VENDOR, PRODUCT_NAME, PRODUCT_VERSION = slice(76, 204), slice(204, 332), slice(332, 336)
_HEAD = struct.Struct("!HHHH8s8s2xH4x")  # start, size, number, process, device, vendor, kind


class DanteStatus(Event):
    """A message of another type. ``device``: eight bytes made from the MAC."""

    device: str
    type: int


class DanteModule(Event):
    """The module in a device, and its firmware."""

    device: str
    name: str
    firmware: str


class DanteProduct(Event):
    """The product and its version, as its manufacturer wrote them."""

    device: str
    vendor: str
    name: str
    version: str


class Dante(Discovery):
    """Devices send their product when they start and whenever a controller asks."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEAD.size:
            return []
        start, size, _, _, raw, vendor, kind = _HEAD.unpack_from(data)
        if start != START or vendor != VENDOR:
            return []
        if size > len(data):
            raise Malformed("length larger than the message")
        device = raw.hex(":")
        if kind == PRODUCT and size >= PRODUCT_VERSION.stop:
            maker, name = field(data[PRODUCT_VENDOR]), field(data[PRODUCT_NAME])
            version = _version(data[PRODUCT_VERSION])
            pairs = (("dante.vendor", maker), ("dante.model", name), ("dante.firmware", version))
            return [DanteProduct(packet, device, maker, name, version), *facts(packet, pairs)]
        if kind == MODULE and size >= MODULE_NAME.stop:
            name = field(data[MODULE_NAME])
            event = DanteModule(packet, device, name, _version(data[MODULE_FIRMWARE]))
            return [event, *facts(packet, [("dante.module", name)])]
        return [DanteStatus(packet, device, kind)]


def _version(raw: bytes) -> str:
    """Four numbers; empty if none is set."""
    return ".".join(map(str, raw)) if any(raw) else ""
