"""Discovery of Ubiquiti devices: type, length and value behind four bytes on port 10001, versions 1 and 2.

Reads queries and announcements. Ignores user names, salts and challenges, which belong to logins. The protocol is
proprietary; the field numbers are those of published captures and of the common open-source analyser.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 10001
QUESTIONS = (b"\x01\0\0\0", b"\x02\x08\0\0")
VERSIONS = (1, 2)
FIELDS_LIMIT = 64
MAC, MAC_AND_ADDRESS, FIRMWARE, UPTIME, HOSTNAME, PLATFORM, ESSID = 0x01, 0x02, 0x03, 0x0A, 0x0B, 0x0C, 0x0D
SOURCE_MAC, MODEL, SHORT_MODEL, VERSION, DEFAULT = 0x13, 0x14, 0x15, 0x16, 0x17
_HEAD = struct.Struct("!BBH")


class UbiquitiSearch(Event):
    """A search for Ubiquiti devices."""


class UbiquitiAnnouncement(Event):
    """A device describes itself, on request or not. ``factory_default``: it is not set up yet; None if not sent."""

    model: str
    platform: str
    firmware: str
    hostname: str
    mac: int
    essid: str
    uptime_s: int
    factory_default: bool | None
    own: bool


class Ubiquiti(Discovery):
    """Devices announce themselves every ten seconds with a new uptime and sequence, so announcements are rarely
    identical.
    """

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data in QUESTIONS:
            return [UbiquitiSearch(packet)]
        if len(data) < 8 or data[0] not in VERSIONS:
            return []
        missing = _HEAD.unpack_from(data)[2] - (len(data) - 4)
        if missing and not (packet.truncated and missing > 0):
            return []
        return _announced(packet, _fields(Reader(data, 4), packet.truncated))


def _fields(reader: Reader, truncated: bool) -> dict[int, list[bytes]]:
    """Values by type; those with an address may be repeated. A field that the capture truncated is left out."""
    found: dict[int, list[bytes]] = {}
    for _ in range(FIELDS_LIMIT):
        if not reader.left:
            return found
        try:
            kind, value = reader.u8(), reader.take(reader.u16())
        except Malformed:
            if truncated:
                return found
            raise
        found.setdefault(kind, []).append(value)
    raise Malformed("too many fields")


def _announced(packet: Packet, fields: dict[int, list[bytes]]) -> list[Parsed]:
    def first(kind: int) -> str:
        return field(fields[kind][0]) if kind in fields else ""

    def otherwise(kind: int) -> str:
        """In place of a better field, which may follow a truncation."""
        return "" if packet.truncated else first(kind)

    known = fields.keys() & {MAC, MAC_AND_ADDRESS, FIRMWARE, PLATFORM, SHORT_MODEL}
    if not known:
        return []
    platform = first(PLATFORM)
    model = first(MODEL) or first(SHORT_MODEL) or otherwise(PLATFORM)
    firmware = first(VERSION) or otherwise(FIRMWARE)
    mac = int.from_bytes(fields.get(MAC, [b""])[0][:6], "big")
    uptime, default = int.from_bytes(fields.get(UPTIME, [b""])[0][:4], "big"), fields.get(DEFAULT)
    own = _own(packet, fields)
    event = UbiquitiAnnouncement(
        packet, model, platform, firmware, first(HOSTNAME), mac, first(ESSID), uptime,
        any(default[0]) if default else None, own,
    )  # fmt: skip
    if not own:
        return [event]
    code = "" if platform == model or not model else platform
    pairs = (
        ("ubiquiti.model", model),
        ("ubiquiti.platform", code),
        ("ubiquiti.firmware", firmware),
        ("ubiquiti.hostname", first(HOSTNAME)),
    )
    return [event, *facts(packet, pairs)]


def _own(packet: Packet, fields: dict[int, list[bytes]]) -> bool:
    """Whether one of its interfaces is the source of the packet; a device has several."""
    macs = [value[:6] for kind in (MAC, MAC_AND_ADDRESS, SOURCE_MAC) for value in fields.get(kind, ())]
    addresses = [value[6:10] for value in fields.get(MAC_AND_ADDRESS, ())]
    return (
        not (macs or packet.truncated)
        or packet.src_mac.to_bytes(6, "big") in macs
        or (packet.src & 0xFFFFFFFF).to_bytes(4, "big") in addresses
    )
