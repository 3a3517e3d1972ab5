"""MACs that nobody has seen before speak by the thousand: a machine makes them up, to fill the tables of switches (which then send everything everywhere), the
pool of a DHCP server, or the memory of whoever watches.

From then on the sensor hears newcomers only where they show themselves again, so that what it tells of devices stays true; this says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event, SenderFlood
from sensor.core.observation import Subject

SECOND = 1_000_000_000
TOLD_LIMIT = 4096


class Options(detector.Options):
    """How often it is told."""

    again_s: int = Field(3600, ge=60, description="seconds after which a flood in the same VLAN is told again")


class FloodOfSenders(EventDetector):
    """Watches how many senders are new."""

    title = "Flood of made-up senders"
    severity = Severity.high
    techniques = ("T1498.001", "T1499")
    advice = (
        "Find the switch port that the frames come in at (its table of addresses shows it), shut it, and look what is plugged in there. "
        "Limit how many addresses a port may have (port security), and let DHCP snooping drop what does not fit."
    )
    false_positives = "Captures of many networks put together; a test of a switch; a trunk with many thousand machines that the sensor sees for the first time."
    Options = Options
    watches = (SenderFlood,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._told: Recent[int] = Recent(TOLD_LIMIT, self.options.again_s * SECOND)

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, SenderFlood) or not self._told.fresh(packet.vlan, packet.ts):
            return
        where = f"VLAN {packet.vlan}" if packet.vlan else "this segment"
        alert = self.alert(
            event,
            actor=Subject(packet.src_mac, packet.src, packet.vlan),
            target=Subject(packet.dst_mac, packet.dst, packet.vlan),
            summary=f"more than {event.senders} MACs that were never seen before spoke within a second in {where}",
            why=(
                f"{event.senders} new senders within one second of packet time, and more; no segment has so many machines that begin at once",
                f"{mac_text(packet.src_mac)} is one of them, and as made up as the others",
                "newcomers are heard from now on only where they show themselves again; the others are counted as shed",
            ),
            numbers={"senders": event.senders, "threshold": event.senders, "vlan": packet.vlan},
            network={"vlan": packet.vlan},
        )
        alert.key = f"{self.id}|{packet.vlan}"  # never by sender: there are millions of them
        yield alert
