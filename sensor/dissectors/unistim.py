"""UNIStim, the protocol of Nortel's and Avaya's IP phones (i2002, i2004, 1100 and 1200 series) with their server.

It was never published; this parses what public programs know: the discovery of a server, and the firmware, the type and
the hardware ID that a phone reports. Ignores keys, displays, audio and everything a server sends.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import mac_text
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

SERVER_PORTS, PHONE_PORT = (4100, 5100, 7300), 5000
PAYLOAD, FROM_PHONE = 2, 2  # kind of message, direction
BASIC, NETWORK = 0x9A, 0x9E  # managers in a phone
FIRMWARE, TYPE, HARDWARE, RESUME = 2, 3, 7, 8
REPORTS = frozenset(((BASIC, FIRMWARE), (BASIC, TYPE), (BASIC, HARDWARE), (NETWORK, RESUME)))
MANAGERS = range(0x80, 0x100)
COMMANDS_LIMIT = 16
MAC = slice(2, 8)  # in a hardware ID, after its vendor
_HEAD = struct.Struct("!2xHBB4s")  # sequence number, kind, direction, terminal


class UnistimPhone(Event):
    """A phone describes itself, in one or several messages. ``type``: number of its type, -1 if not sent;
    ``discovers``: it requests a connection.
    """

    firmware: str
    type: int
    mac: int
    discovers: bool


class Unistim(Discovery):
    """Phones report themselves once for each connection."""

    interest = Interest(udp=(*SERVER_PORTS, PHONE_PORT), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEAD.size or data[:2] not in (b"\0\0", b"\xff\xff"):
            return []
        _, kind, direction, _ = _HEAD.unpack_from(data)
        if (kind, direction) != (PAYLOAD, FROM_PHONE):
            return []
        found = {key: value for key, value in _commands(data) if key in REPORTS}
        if not found:
            return []
        firmware = clean(found.get((BASIC, FIRMWARE), b""), 16)
        number = found.get((BASIC, TYPE), b"")
        mac = int.from_bytes(found.get((BASIC, HARDWARE), b"")[MAC], "big")
        event = UnistimPhone(packet, firmware, number[0] if number else -1, mac, (NETWORK, RESUME) in found)
        pairs = (
            ("unistim.firmware", firmware),
            ("unistim.type", str(number[0]) if number else ""),
            ("unistim.mac", mac_text(mac) if mac else ""),
            ("unistim.phone", "discovery" if event.discovers else "report"),
        )
        return [event, *facts(packet, pairs)]


def _commands(data: bytes) -> list[tuple[tuple[int, int], bytes]]:
    """((manager, command), value) of each command; its length includes manager and length."""
    found: list[tuple[tuple[int, int], bytes]] = []
    at, end = _HEAD.size, len(data)
    while at + 3 <= end and len(found) < COMMANDS_LIMIT:
        if data[at] not in MANAGERS:
            return []
        stop = at + data[at + 1]
        if stop < at + 3:
            raise Malformed("command shorter than its header")
        if stop > end:
            raise Malformed("command longer than the message")
        found.append(((data[at], data[at + 2]), data[at + 3 : stop]))
        at = stop
    return found
