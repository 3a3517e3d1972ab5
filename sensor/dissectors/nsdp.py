"""NSDP, the discovery and configuration protocol of NETGEAR's small switches: 32 bytes of header and fields of type,
length and value, on ports 63321 to 63324.

Reads queries, answers, changes and their results. Passwords, which are only obfuscated, are noted as present. The
protocol is proprietary; its format is that of the public analyser and of open-source tools.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.discovery import Discovery, field, is_own
from sensor.dissectors.shared.sender_facts import facts

PORTS = (63321, 63322, 63323, 63324)
SIGNATURE = b"NSDP"
READ, WRITE, WRITE_ANSWER = 1, 3, 4
MODEL, NAME, PASSWORD, FIRMWARE, END = 0x0001, 0x0003, 0x000A, 0x000D, 0xFFFF
FIELDS_LIMIT = 256
# Version, operation, status, reserved, MACs of computer and switch, reserved, sequence, signature, reserved.
_HEADER = struct.Struct("!BBHI6s6sHH4sI")


class NsdpRequest(Event):
    """A computer queries, or changes (``change``), the fields with these numbers; ``password``: it contains one."""

    change: bool
    fields: tuple[int, ...]
    password: bool


class NsdpAnswer(Event):
    """A response of a switch: ``status`` 0 success, 7 wrong password (in the upper byte). ``own``: its MAC is the
    sender's.
    """

    change: bool
    status: int
    mac: int
    model: str
    name: str
    firmware: str
    own: bool


class Nsdp(Discovery):
    """Tools poll every few seconds; what is identical within a minute is dropped, regardless of the sequence."""

    interest = Interest(udp=PORTS, repeats_s=60, volatile=(22, 24))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size or data[24:28] != SIGNATURE or not READ <= data[1] <= WRITE_ANSWER:
            return []
        _, operation, status, _, _, device, _, _, _, _ = _HEADER.unpack_from(data)
        fields = _fields(Reader(data, _HEADER.size))
        if operation in (READ, WRITE):
            return [NsdpRequest(packet, operation == WRITE, tuple(fields), PASSWORD in fields)]
        mac = int.from_bytes(device, "big")
        model, name, firmware = (field(fields.get(kind, b"")) for kind in (MODEL, NAME, FIRMWARE))
        own = is_own(packet, mac)
        event = NsdpAnswer(packet, operation == WRITE_ANSWER, status, mac, model, name, firmware, own)
        if not own:
            return [event]
        pairs = (("nsdp.model", model), ("nsdp.hostname", name), ("nsdp.firmware", firmware))
        return [event, *facts(packet, pairs)]


def _fields(reader: Reader) -> dict[int, bytes]:
    """The first value of each type, up to the end mark."""
    found: dict[int, bytes] = {}
    for _ in range(FIELDS_LIMIT):
        if not reader.left:
            return found
        kind, value = reader.u16(), reader.take(reader.u16())
        if kind == END:
            return found
        found.setdefault(kind, value)
    raise Malformed("too many fields")
