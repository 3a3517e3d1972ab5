"""Discovery of Steam's Remote Play (UDP 27036): computers and game consoles with Steam search each other and describe
themselves.

The protocol is proprietary, its messages are Protocol Buffers as public programs define them. Reads the host name, the
operating system and whether it is a Steam Deck. Ignores accounts, addresses and streams.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Reader
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.protobuf import fields, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 27036
MAGIC = b"\xff\xff\xff\xff\x21\x4c\x5f\xa0"
DISCOVERY, STATUS = 0, 1  # types of messages
MESSAGE_TYPE = 2  # field of the header
HOST_NAME, SYSTEM, STEAM_DECK = 4, 7, 24  # fields of a status
# Ranges of the numbers of operating systems.
SYSTEMS = {"linux": range(-203, -102), "macos": range(-102, -1), "windows": range(1, 100)}


class SteamSearch(Event):
    """A host searches others with Steam."""


class SteamStatus(Event):
    """A host describes itself. ``system``: linux, macos or windows; ``deck``: it is a Steam Deck."""

    name: str
    system: str
    deck: bool


class Steam(Discovery):
    """Both messages are repeated; a status has a time, so only searches are dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGIC):
            return []
        reader = Reader(data, len(MAGIC))
        header, body = _part(reader), _part(reader)
        kind = next((value for field, value in fields(header) if field == MESSAGE_TYPE), DISCOVERY)
        if kind == DISCOVERY:
            return [SteamSearch(packet)]
        if kind != STATUS:
            return []
        found = dict(fields(body))
        name, number = text(found, HOST_NAME), found.get(SYSTEM, 0)
        system = next((word for word, numbers in SYSTEMS.items() if number in numbers), "")
        deck = found.get(STEAM_DECK) == 1
        pairs = (("steam.hostname", name), ("steam.system", system), ("steam.deck", "yes" if deck else ""))
        return [SteamStatus(packet, name, system, deck), *facts(packet, pairs)]


def _part(reader: Reader) -> Reader:
    """A message behind its length (little-endian)."""
    size = int.from_bytes(reader.take(4), "little")
    start = reader.offset
    reader.skip(size)
    return Reader(reader.data, start, start + size)
