"""TP-Link device discovery (Tapo, newer Kasa): JSON behind 16 bytes on ports 20002 and 20004.

Reads searches and answers. The search holds a public key and the answer the login parameters; neither is stored. The
protocol is proprietary; its format is that of the open-source libraries that implement it.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.json_values import inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORTS = (20002, 20004)
VERSION, PROBE = 2, 1
_HEADER = struct.Struct("!BBHHBBII")  # version, type, operation, size of the rest, flags, padding, device, checksum


class TdpSearch(Event):
    """A search for devices."""


class TdpAnswer(Event):
    """A device describes itself. ``factory_default``: it is not set up yet; None if not sent. ``own``: it is about the
    sender.
    """

    kind_of_device: str
    model: str
    mac: int
    address: Address
    factory_default: bool | None
    own: bool


class Tdp(Discovery):
    """Apps search every few seconds; what is identical within a minute is dropped, checksum and number aside."""

    interest = Interest(udp=PORTS, repeats_s=60, volatile=(8, 16))
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size or data[0] != VERSION:
            return []
        _, _, operation, size, _, _, _, _ = _HEADER.unpack_from(data)
        if operation != PROBE:
            return []
        if size > len(data) - _HEADER.size and not packet.truncated:
            raise Malformed("field longer than the message")
        if packet.dport in PORTS and packet.sport not in PORTS:
            return [TdpSearch(packet)]
        return _answer(packet, data[_HEADER.size : _HEADER.size + size])


def _answer(packet: Packet, body: bytes) -> list[Parsed]:
    info = inner(read_object(body, packet.truncated), "result")
    kind = text(info, "device_type")
    model = text(info, "device_model")
    mac = mac_of(text(info, "mac"))
    address = address_of(text(info, "ip"))
    if not kind and not model:
        return []
    default = info.get("factory_default")
    own = is_own(packet, mac, address)
    event = TdpAnswer(packet, kind, model, mac, address, default if isinstance(default, bool) else None, own)
    if not own:
        return [event]
    return [
        event,
        *facts(
            packet,
            (("tdp.kind", kind), ("tdp.model", model), ("tdp.firmware", text(info, "firmware_version", "fw_ver"))),
        ),
    ]
