"""The LIFX LAN protocol for discovery and control of lamps (published by the vendor): 36 bytes of header,
little-endian, on port 56700.

Reads the states that contain a lamp's product, firmware and label; other messages are reported by number. Ignores
colours, times and places.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field, is_own
from sensor.dissectors.shared.sender_facts import facts

PORT = 56700
PROTOCOL = 1024
STATE_SERVICE = 3
STATE_HOST_FIRMWARE = 15
STATE_LABEL = 25
STATE_VERSION = 33
LIGHT_STATE = 107
# Body sizes of the parsed states.
SIZES = {STATE_SERVICE: 5, STATE_HOST_FIRMWARE: 20, STATE_LABEL: 32, STATE_VERSION: 12, LIGHT_STATE: 52}
# Size, protocol and flags, source, target, reserved, flags, sequence, reserved, type, reserved.
_HEADER = struct.Struct("<HHI8s6sBB8sHH")
_FIRMWARE = struct.Struct("<QQHH")  # build time, reserved, minor, major
_VERSION = struct.Struct("<III")


class LifxMessage(Event):
    """A query or command, by the vendor's number (2 discovery, 21 and 117 power, 102 colour). ``target``: 0 for all."""

    type: int
    target: int


class LifxState(Event):
    """A lamp reports one of its states, by number; ``product``: vendor and product as numbers (``1/27``), otherwise
    empty.
    """

    type: int
    mac: int
    product: str
    firmware: str
    label: str


class Lifx(Discovery):
    """Apps poll; what is identical within a minute is dropped, regardless of source and sequence."""

    interest = Interest(udp=(PORT,), repeats_s=60, volatile=(4, 24))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size:
            return []
        size, protocol, _, target, _, _, _, _, kind, _ = _HEADER.unpack_from(data)
        if protocol & 0xFFF != PROTOCOL or size != len(data):
            return []
        mac, body = int.from_bytes(target[:6], "big"), data[_HEADER.size :]
        if kind not in SIZES:
            return [LifxMessage(packet, kind, mac)]
        if len(body) < SIZES[kind]:
            raise Malformed("message ends early")
        return _state(packet, kind, mac, body)


def _state(packet: Packet, kind: int, mac: int, body: bytes) -> list[Parsed]:
    product = firmware = label = ""
    if kind == STATE_HOST_FIRMWARE:
        _, _, minor, major = _FIRMWARE.unpack_from(body)
        firmware = f"{major}.{minor}"
    elif kind == STATE_VERSION:
        vendor, number, _ = _VERSION.unpack_from(body)
        product = f"{vendor}/{number}"
    elif kind in (STATE_LABEL, LIGHT_STATE):
        label = field(body[:32] if kind == STATE_LABEL else body[12:44])
    event = LifxState(packet, kind, mac, product, firmware, label)
    if not is_own(packet, mac) or packet.sport != PORT:
        return [event]
    pairs = (
        ("lifx.state", "service" if kind == STATE_SERVICE else ""),
        ("lifx.product", product),
        ("lifx.firmware", firmware),
        ("lifx.instance", label),
    )
    return [event, *facts(packet, pairs)]
