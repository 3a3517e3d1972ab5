"""GDM, the discovery protocol of Plex servers and players: HTTP-like text on ports 32410 to 32414.

Reads searches, greetings and responses. Ignores the ports and Plex's machine ids.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, lines
from sensor.dissectors.shared.sender_facts import facts

PORTS = (32410, 32412, 32413, 32414)
SEARCH = b"M-SEARCH * HTTP/1."
STARTS = (b"HTTP/1.0 200 OK", b"HELLO * HTTP/1.0", b"UPDATE * HTTP/1.0", b"BYE * HTTP/1.0")
CONTENT = "plex/"


class GdmSearch(Event):
    """A search for servers or players."""


class GdmAnnouncement(Event):
    """A server (``plex/media-server``) or player (``plex/media-player``) describes itself."""

    content: str
    name: str
    product: str
    version: str


class Gdm(Discovery):
    """Repeated every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(SEARCH):
            return [GdmSearch(packet)]
        if not data.startswith(STARTS):
            return []
        get = lines(data, truncated=packet.truncated).get
        content = get("content-type", "")
        name = get("name", "")
        product = get("product", "")
        version = get("version", "")
        if not content.startswith(CONTENT):
            return []
        pairs = (("gdm.content", content), ("gdm.hostname", name), ("gdm.product", product), ("gdm.version", version))
        return [GdmAnnouncement(packet, content, name, product, version), *facts(packet, pairs)]
