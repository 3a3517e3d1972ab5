"""Device discovery of PlayStation 4 and 5: HTTP-like text on ports 987 and 9302.

Reads searches, wake-up calls and the answers of consoles. The credential in a wake-up call is never stored. The
protocol is proprietary; its format is that of the open-source remote-play programs.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, is_own, lines, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORTS = (987, 9302)
STATUS = b"HTTP/1.1 "
ORDERS = (b"SRCH", b"WAKEUP", b"LAUNCH")
MARK = b"device-discovery-protocol-version"


class PlaystationRequest(Event):
    """A search (SRCH), a wake-up (WAKEUP) or a start of a program (LAUNCH) on a console; ``credentials``: it contains
    some.
    """

    order: str
    credentials: bool


class PlaystationStatus(Event):
    """A console describes itself: ``status`` 200 on, 620 asleep. ``own``: the MAC is the sender's."""

    status: int
    host_type: str
    name: str
    version: str
    mac: int
    own: bool


class Playstation(Discovery):
    """Apps search every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if MARK not in data:
            return []
        order = data.partition(b" ")[0]
        if order in ORDERS:
            return [PlaystationRequest(packet, order.decode("ascii"), b"user-credential:" in data)]
        if not data.startswith(STATUS) or not data[9:12].isdigit():
            return []
        fields = lines(data, truncated=packet.truncated)
        get = fields.get
        mac = mac_of(get("host-id", ""))
        own = is_own(packet, mac)
        version = get("system-version", "")
        event = PlaystationStatus(
            packet, int(data[9:12]), get("host-type", ""), get("host-name", ""), version, mac, own
        )
        if not own:
            return [event]
        pairs = (
            ("playstation.type", event.host_type),
            ("playstation.hostname", event.name),
            ("playstation.firmware", version),
        )
        return [event, *facts(packet, pairs)]
