"""MAC flooding: thousands of new MAC addresses, spoofed by one host to fill the tables of switches (which then flood
all frames), the pool of a DHCP server, or the memory of a sensor.

During the flood the sensor analyzes new senders only when they are seen again, so that its inventory stays correct;
this alert explains the reduced analysis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event, SenderFlood
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND

REPORTED_LIMIT = 4096


class Options(detector.Options):
    """How often it is reported."""

    again_s: int = Field(3600, ge=60, description="seconds until a flood in the same VLAN may be reported again")


class FloodOfSenders(EventDetector):
    """Watches the number of new senders."""

    title = "MAC flooding"
    severity = Severity.high
    techniques = ("T1498.001", "T1499")
    advice = (
        "Find the switch port of these frames (in its MAC address table), shut it down, and check what is connected. "
        "Enable port security (MACs per port) and DHCP snooping."
    )
    false_positives = (
        "Merged captures of many networks; a switch test; a trunk with thousands of hosts that the "
        "sensor sees for the first time."
    )
    Options = Options
    watches = (SenderFlood,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[int] = self.tables.add("reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, SenderFlood) or not self._reported.fresh(packet.vlan, packet.ts):
            return
        where = f"VLAN {packet.vlan}" if packet.vlan else "this segment"
        alert = self.alert(
            event,
            actor=Subject(packet.src_mac, packet.src, packet.vlan),
            target=Subject(packet.dst_mac, packet.dst, packet.vlan),
            summary=f"more than {event.senders} new MAC addresses sent frames within a second in {where}",
            why=(
                (
                    f"more than {event.senders} new senders within one second; no segment has so many hosts that "
                    "start at once"
                ),
                f"{mac_text(packet.src_mac)} is one of them, likely spoofed",
                "new senders are analyzed only when seen again; the others are counted as shed",
            ),
            numbers={"senders": event.senders, "threshold": event.senders, "vlan": packet.vlan},
            network={"vlan": packet.vlan},
        )
        alert.key = f"{self.id}|{packet.vlan}"  # never by sender: there are millions
        yield alert
