"""Discovery of Yeelight lamps (the vendor's inter-operation specification): SSDP-like text, to group 239.255.255.250 on
port 1982.

Reads searches, answers and notifications. Ignores the lamp's list of commands and its colours.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, lines
from sensor.dissectors.shared.sender_facts import facts

PORT = 1982
SEARCH = b"M-SEARCH * HTTP/1.1"
STARTS = (b"HTTP/1.1 200 OK", b"NOTIFY * HTTP/1.1")
SCHEME = "yeelight://"


class YeelightSearch(Event):
    """A search for lamps."""


class YeelightAnnouncement(Event):
    """A lamp describes itself, on request or not. ``own``: its address is the sender's."""

    model: str
    firmware: str
    id: str
    name: str
    own: bool


class Yeelight(Discovery):
    """Lamps announce themselves every hour and when they are switched; identical announcements within a minute are
    dropped.
    """

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(SEARCH) and b"wifi_bulb" in data:
            return [YeelightSearch(packet)]
        if not data.startswith(STARTS) or b"yeelight:" not in data:
            return []
        fields = lines(data, truncated=packet.truncated)
        get = fields.get
        address = address_of(get("location", "").removeprefix(SCHEME).partition(":")[0])
        own = is_own(packet, 0, address)
        event = YeelightAnnouncement(packet, get("model", ""), get("fw_ver", ""), get("id", ""), get("name", ""), own)
        if not own:
            return [event]
        return [
            event,
            *facts(
                packet,
                (
                    ("yeelight.model", event.model),
                    ("yeelight.firmware", event.firmware),
                    ("yeelight.instance", event.name),
                ),
            ),
        ]
