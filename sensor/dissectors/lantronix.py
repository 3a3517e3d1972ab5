"""Discovery of Lantronix device servers (Lantronix 900-310, XPort integration guide, 4), UDP port 30718: searches,
responses, and requests for the setup record, which contains the Telnet password of old devices.

The content of setup records is not read.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, is_own
from sensor.dissectors.shared.sender_facts import fact

PORT = 30718
ZEROS, SIZE, MAC_AT = b"\0\0\0", 30, 24
SEARCH, FOUND = 0xF6, 0xF7
MESSAGES = {0xF8: "get setup", 0xF9: "setup", 0xFA: "set setup", 0xFB: "setup stored"}
NAMES = {SEARCH: "search", FOUND: "found", **MESSAGES}


class LantronixMessage(Event):
    """A message of the protocol."""

    name: str


class Lantronix(Discovery):
    """Searches repeat; an identical one within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        name = NAMES.get(data[3]) if data.startswith(ZEROS) and len(data) > 3 else None
        if name is None:
            return []
        event = LantronixMessage(packet, name)
        if data[3] != FOUND:
            return [event]
        if len(data) < SIZE:
            raise Malformed("response too short")
        own = is_own(packet, int.from_bytes(data[MAC_AT:SIZE], "big"))
        return [event, *([fact(packet, "lantronix.role", "device server")] if own else [])]
