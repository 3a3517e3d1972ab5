"""Discovery of Samsung's Multi-Screen Framework (Smart View): TVs announce their interface for apps every few seconds,
in JSON to 224.0.0.7, port 8001, which does not leave the segment.

Reads announcements with the address of an interface; searches of apps and what else has no address are ignored.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.http_message import host_of, may_be_at
from sensor.dissectors.shared.json_values import inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 8001
MARK = b'"sid"'
VERSIONS = ("v1", "v2")


class MsfdAnnouncement(Event):
    """A TV announces its interface. ``kind``: type of the message (alive); ``versions``: those of the
    interface (v1,v2); ``own``: its address is the sender's.
    """

    kind: str
    versions: str
    own: bool


class Msfd(Discovery):
    """A TV sends the same message every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[:1] != b"{" or MARK not in data:
            return []
        message = read_object(data)
        found = {version: text(inner(message, "data", version), "uri") for version in VERSIONS}
        hosts = [host_of(address.encode()) for address in found.values() if address]
        if not hosts:
            return []
        versions = ",".join(version for version, address in found.items() if address)
        own = all(may_be_at(packet, host) for host in hosts)
        event = MsfdAnnouncement(packet, text(message, "type"), versions, own)
        return [event, *facts(packet, [("msfd.versions", versions)])] if own else [event]
