"""SDDP, the discovery protocol of Control4: SSDP-like text to 239.255.255.250, port 1902.

Reads searches, responses and notifications. Ignores drivers and proxies beyond the first. The format is that of
published captures.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, lines
from sensor.dissectors.shared.sender_facts import facts

PORT = 1902
SEARCH = b"SEARCH * SDDP/1."
STARTS = (b"NOTIFY ALIVE SDDP/1.", b"NOTIFY IDENTIFY SDDP/1.", b"NOTIFY OFFLINE SDDP/1.", b"SDDP/1.0 200 OK")


class SddpSearch(Event):
    """A search for devices."""


class SddpAnnouncement(Event):
    """A device describes itself; ``proxy``: its function (projector, tv, receiver). ``own``: its address is the
    sender's.
    """

    proxy: str
    manufacturer: str
    model: str
    host: str
    own: bool


class Sddp(Discovery):
    """Repeated within their lifetime; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(SEARCH):
            return [SddpSearch(packet)]
        if not data.startswith(STARTS):
            return []
        fields = {name: value.strip('" ') for name, value in lines(data, truncated=packet.truncated).items()}
        get = fields.get
        own = is_own(packet, 0, address_of(get("from", "").partition(":")[0]))
        event = SddpAnnouncement(
            packet, get("primary-proxy", ""), get("manufacturer", ""), get("model", ""), get("host", ""), own
        )
        if not own:
            return [event]
        pairs = (
            ("sddp.proxy", event.proxy),
            ("sddp.manufacturer", event.manufacturer),
            ("sddp.model", event.model),
            ("sddp.hostname", event.host),
        )
        return [event, *facts(packet, pairs)]
