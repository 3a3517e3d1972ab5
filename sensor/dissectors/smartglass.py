"""SmartGlass discovery of Xbox consoles: messages that begin with dd and a number, on port 5050.

Reads searches and answers. Connections, which are encrypted, are reported by their message type only. Ignores the
certificate. The protocol is proprietary; its format is that of the open-source clients.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Reader
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 5050
SEARCH, ANSWER = b"\xdd\0", b"\xdd\x01"
HEADER = 6  # type, size of the rest, version
TEXT_LIMIT = 256


class SmartglassSearch(Event):
    """A search for consoles."""


class SmartglassAnswer(Event):
    """A console describes itself: ``device`` 1 Xbox One, 2 Xbox 360, and so on."""

    device: int
    name: str


class Smartglass(Discovery):
    """Apps search every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if (
            not data.startswith((SEARCH, ANSWER))
            or len(data) < HEADER
            or int.from_bytes(data[2:4], "big") != len(data) - HEADER
        ):
            return []
        if data.startswith(SEARCH):
            return [SmartglassSearch(packet)]
        reader = Reader(data, HEADER)
        reader.skip(4)  # flags
        device = reader.u16()
        event = SmartglassAnswer(packet, device, field(reader.take(min(reader.u16(), TEXT_LIMIT))))
        if packet.sport != PORT:
            return [event]
        return [event, *facts(packet, (("smartglass.device", str(device)), ("smartglass.hostname", event.name)))]
