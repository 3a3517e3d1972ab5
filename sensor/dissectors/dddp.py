"""Beacons of AMX dynamic device discovery, sent by conference systems, projectors and displays of many vendors: text to
239.255.250.250, port 9131.

Reads class, make, model and revision; other members are ignored. The format is that of AMX's published specification.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

PORT = 9131
START = b"AMXB"
_MEMBER = lazy_pattern(rb"<-([\w-]{1,32})=([^<>]{0,255})>")


class DddpBeacon(Event):
    """A device describes itself: ``sdk_class`` is VideoConferencer, VideoProjector, Monitor and so on."""

    sdk_class: str
    make: str
    model: str
    revision: str


class Dddp(Discovery):
    """Beacons are sent every half minute to minute; identical ones within a minute are dropped."""

    interest = Interest(udp=(PORT,), starts=(START + b"<-",), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(START):
            return []
        members = {key.lower(): clean(value) for key, value in reversed(_MEMBER.findall(data))}
        if not members:
            raise Malformed("beacon without members")
        get = members.get
        event = DddpBeacon(packet, get(b"sdkclass", ""), get(b"make", ""), get(b"model", ""), get(b"revision", ""))
        pairs = (
            ("dddp.class", event.sdk_class),
            ("dddp.make", event.make),
            ("dddp.model", event.model),
            ("dddp.revision", event.revision),
        )
        return [event, *facts(packet, pairs)]
