"""Foundry Discovery Protocol: switches of Foundry, later Brocade and Ruckus, announce themselves to their neighbours.
It resembles CDP under another organisation code; it was never published, so this parses what is commonly known: device
id, addresses, port, capabilities, software and platform.

Ignores the bitmap of VLANs, the tag type and the checksum.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.neighbour import Announcement, address_facts, fields, listed, observations, readable
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 0x2000
SNAP = bytes.fromhex("00e0522000")  # Foundry and its protocol
VERSION = 1
HEADER = 4  # version, life in seconds, checksum
DEVICE_ID, ADDRESSES, PORT, CAPABILITIES, SOFTWARE, PLATFORM = 1, 2, 3, 4, 5, 6


class FdpAnnouncement(Announcement):
    """A switch and its port. ``description``: the software's own text."""

    life_s: int = 0
    platform: str = ""


class Fdp(Dissector):
    """Announcements are repeated every 60 s without changes."""

    interest = Interest(ethertypes=(PROTOCOL,), repeats_s=180)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        start = len(SNAP) + HEADER
        if len(data) < start or not data.startswith(SNAP) or data[len(SNAP)] != VERSION:
            return iter(())
        found: dict[int, bytes] = {}
        for kind, value in fields(data, start, packet.truncated):
            found.setdefault(kind, value)
        if not found:
            return incomplete(packet, "announcement without fields")
        return iter(_announced(packet, data[len(SNAP) + 1], found))


def _announced(packet: Packet, ttl_s: int, found: dict[int, bytes]) -> list[Parsed]:
    device = readable(found.get(DEVICE_ID, b""))
    event = FdpAnnouncement(
        packet, device, clean(found.get(PORT, b"")), device, clean(found.get(SOFTWARE, b"")),
        _capabilities(found.get(CAPABILITIES, b"")),
        listed(found.get(ADDRESSES, b"")), life_s=ttl_s, platform=clean(found.get(PLATFORM, b"")),
    )  # fmt: skip
    facts: dict[tuple[str, str], None] = {
        ("fdp.hostname", event.name): None,
        ("fdp.platform", event.platform): None,
        ("fdp.version", event.description): None,
        ("fdp.capabilities", ",".join(event.capabilities)): None,
        ("fdp.port", event.port): None,
    }
    return [event, *observations(packet, facts | address_facts("fdp.address", event.addresses))]


def _capabilities(value: bytes) -> tuple[str, ...]:
    """Texts in Foundry's spelling: ``Router``, ``Switch``."""
    text = clean(value) if value.isascii() else ""
    return (
        tuple(text.lower().replace(",", " ").split()[:8]) if text.replace(",", " ").replace(" ", "").isalpha() else ()
    )
