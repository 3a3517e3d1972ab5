"""Findhost, which Synology Assistant uses to find storage devices: type, length and value behind eight bytes on ports
9997 to 9999.

Reads searches, answers, and commands with credentials, whose presence is noted and whose content is never stored.
Encrypted messages are reported as such. The protocol is proprietary; the field numbers are those of published analyses.
"""

from __future__ import annotations

from sensor.core.addresses import v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.discovery import Discovery, field, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORTS = (9997, 9998, 9999)
CLEAR, ENCRYPTED = b"\x12\x34\x56\x78SYNO", b"\x12\x34\x55\x66SYNO"
FIELDS_LIMIT = 128
NAME, ADDRESS, MAC, PASSWORD, USER = 0x11, 0x12, 0x19, 0x2A, 0x4A
SERIAL, VERSION, MODEL, OTHER_SERIAL, SYSTEM = 0x73, 0x77, 0x78, 0xC0, 0xC1


class FindhostRequest(Event):
    """A search or command of an assistant; ``credentials``: it contains a user name or password. ``encrypted``: nothing
    else is known.
    """

    credentials: bool
    encrypted: bool


class FindhostAnswer(Event):
    """A storage device describes itself. ``own``: address or MAC is the sender's."""

    name: str
    model: str
    version: str
    serial: str
    mac: int
    own: bool


class Findhost(Discovery):
    """Searches and answers repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, starts=(CLEAR, ENCRYPTED), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(ENCRYPTED):
            return [FindhostRequest(packet, False, True)]
        if not data.startswith(CLEAR):
            return []
        fields = _fields(Reader(data, len(CLEAR)))
        if MODEL in fields or VERSION in fields:
            return _answer(packet, fields)
        return [FindhostRequest(packet, PASSWORD in fields or USER in fields, False)]


def _fields(reader: Reader) -> dict[int, bytes]:
    """The first value of each type; empty ones are left out."""
    found: dict[int, bytes] = {}
    for _ in range(FIELDS_LIMIT):
        if not reader.left:
            return found
        kind = reader.u8()
        if value := reader.take(reader.u8()):
            found.setdefault(kind, value)
    raise Malformed("too many fields")


def _answer(packet: Packet, fields: dict[int, bytes]) -> list[Parsed]:
    def text(*kinds: int) -> str:
        return next((field(fields[kind]) for kind in kinds if kind in fields), "")

    mac, raw = mac_of(text(MAC)), fields.get(ADDRESS, b"")
    address = v4(int.from_bytes(raw, "big")) if len(raw) == 4 and any(raw) else 0
    own = is_own(packet, mac, address)
    event = FindhostAnswer(packet, text(NAME), text(MODEL), text(VERSION), text(SERIAL, OTHER_SERIAL), mac, own)
    if not own:
        return [event]
    pairs = (
        ("findhost.hostname", event.name),
        ("findhost.model", event.model),
        ("findhost.firmware", event.version),
        ("findhost.serial", event.serial),
        ("findhost.system", text(SYSTEM)),
    )
    return [event, *facts(packet, pairs)]
