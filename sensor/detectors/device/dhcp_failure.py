"""A client requests a lease repeatedly without an answer, or gave up and uses a self-assigned address (169.254/16, RFC
3927).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import who
from sensor.dissectors.arp import ArpAnnouncement
from sensor.dissectors.dhcp import DhcpAck, DhcpDiscover, DhcpMessage, DhcpNak, DhcpOffer

CLIENTS_LIMIT, REPORTED_LIMIT = 4096, 1024
REPORTED_S = 3600
LINK_LOCAL = addresses.parse("169.254.0.0") >> 16


class Options(detector.Options):
    """When a client fails."""

    tries: int = Field(8, ge=2, le=64, description="threshold: DHCP requests without an answer")
    window_s: int = Field(300, ge=30, le=3600, description="time window in seconds")


class DhcpFailure(EventDetector):
    """Watches DHCP requests without answers, and self-assigned addresses.

    Needs a capture that shows a server's answers to other clients.
    """

    title = "DHCP lease failure"
    severity = Severity.low
    techniques = ()
    advice = (
        "Check whether the address pool is exhausted, the DHCP server or relay of this segment is up, "
        "and the port is in the right VLAN."
    )
    false_positives = (
        "A segment without a DHCP server; devices that use link-local addresses in addition to their own by design."
    )
    decisive = {"tries": "tries"}
    Options = Options
    watches = (DhcpDiscover, DhcpOffer, DhcpAck, DhcpNak, ArpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._tries: Distinct[tuple[int, int], int] = self.tables.add(
            "tries", Distinct(self.options.window_s * SECOND, CLIENTS_LIMIT, 64)
        )
        self._served: Bounded[int, int] = self.tables.add("served", Bounded(256))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        own = (field("sender") >= LINK_LOCAL << 16) & (field("sender") < LINK_LOCAL + 1 << 16)
        return {ArpAnnouncement: own & held(self._served, "packet.vlan")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        vlan = event.packet.vlan
        if isinstance(event, DhcpDiscover):
            tries = self._tries.add((vlan, event.mac), event.ts, event.ts)
            if tries >= self.options.tries and event.mac:
                reason = (
                    f"{tries} requests within {self.options.window_s} s without an answer (threshold "
                    f"{self.options.tries})"
                )
                yield from self._alert(event, Subject(event.mac, 0, vlan), "received no DHCP lease", reason, tries)
        elif isinstance(event, ArpAnnouncement):
            if event.sender >> 16 == LINK_LOCAL and vlan in self._served:
                reason = (
                    f"it announced the self-assigned address {addresses.text(event.sender)} although the "
                    "segment has a DHCP server"
                )
                yield from self._alert(
                    event,
                    Subject(event.sender_mac, event.sender, vlan),
                    "assigned itself an address without a DHCP lease",
                    reason,
                    1,
                )
        elif isinstance(event, DhcpMessage):
            self._served.put(vlan, event.ts)
            self._tries.forget((vlan, event.mac))

    def _alert(self, event: Event, actor: Subject, what: str, reason: str, tries: int) -> Iterator[Alert]:
        if self._reported.fresh((actor.vlan, actor.mac), event.ts):
            yield self.alert(
                event,
                actor=actor,
                summary=f"{who(self.context, actor)} {what}",
                why=(reason,),
                numbers={
                    "tries": tries,
                    "threshold": self.options.tries if tries > 1 else 1,
                    "window_s": self.options.window_s,
                },
                key=(addresses.mac_text(actor.mac), actor.vlan),
                network={"proto": "udp", "app": "dhcp", "vlan": actor.vlan, "direction": "internal"},
            )
