"""HID's discovery service for door controllers (VertX, Edge): text separated by semicolons on port 4070.

Reads searches, responses, and commands, which old controllers execute as root without authentication. The format is
that of published analyses.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORT = 4070
SEARCH, ANSWER = b"discover;", b"discovered;"
FIELDS = 9  # command, length, MAC, name, address, unused, model, firmware, its date
_ORDER = lazy_pattern(rb"command_(\w{1,32});")


class DiscoverydSearch(Event):
    """A search for door controllers."""


class DiscoverydAnswer(Event):
    """A door controller describes itself. ``own``: address or MAC is the sender's."""

    model: str
    firmware: str
    name: str
    mac: int
    own: bool


class DiscoverydOrder(Event):
    """A command (``blink_on``): ``order`` without its values."""

    order: str


class Discoveryd(Discovery):
    """Searches repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=(b"discover",), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(ANSWER):
            return _answer(packet, data)
        if data.startswith(SEARCH):
            return [DiscoverydSearch(packet)]
        order = _ORDER.match(data)
        return [DiscoverydOrder(packet, order[1].decode("latin-1"))] if order else []


def _answer(packet: Packet, data: bytes) -> list[Parsed]:
    parts = [clean(part, 255) for part in data.split(b";", FIELDS)]
    if len(parts) < FIELDS:
        raise Malformed("too few fields")
    mac, model, firmware, name = mac_of(parts[2]), parts[6], parts[7], parts[3]
    own = is_own(packet, mac, address_of(parts[4]))
    event = DiscoverydAnswer(packet, model, firmware, name, mac, own)
    if not own:
        return [event]
    return [
        event,
        *facts(packet, (("discoveryd.model", model), ("discoveryd.firmware", firmware), ("discoveryd.hostname", name))),
    ]
