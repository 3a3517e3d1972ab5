"""VLAN hopping: a host that is no switch offers to make its link a trunk (Cisco's Dynamic Trunking Protocol), which
gives it frames of every VLAN.

A port left in its default mode (`dynamic auto`, `dynamic desirable`) agrees. Only switches have such ports: a sender
that is known as one, that sends spanning tree or CDP messages, or whose MAC belongs to Cisco, is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.addresses import is_random_mac, mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import CARRIERS, who
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.dtp import DtpMessage
from sensor.dissectors.stp import StpConfiguration

SENDERS_LIMIT, REPORTED_S = 1024, 3600
OFFERS = ("on", "desirable")
VENDOR = "Cisco"


class Options(detector.Options):
    """How long a sender is watched."""

    watched_s: int = Field(
        10,
        ge=2,
        le=60,
        description="seconds after the first offer within which a switch is recognized by other protocols",
    )


class VlanHopping(EventDetector):
    """Watches offers to form a trunk."""

    title = "VLAN hopping (trunk negotiation)"
    severity = Severity.medium
    techniques = ("T1599",)
    advice = (
        "Find the switch port of this MAC and disconnect the host. Set ports of end devices to access mode and "
        "disable the negotiation (`switchport nonegotiate`)."
    )
    false_positives = "A switch of another vendor that uses this protocol; a virtual switch in a lab network."
    Options = Options
    watches = (DtpMessage, StpConfiguration, CdpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._first: Bounded[tuple[int, int], int] = self.tables.add("first", Bounded(SENDERS_LIMIT))
        self._bridges: Bounded[int, bool] = self.tables.add("bridges", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(SENDERS_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        own = field("packet.src_mac").filled()
        return {DtpMessage: field("mode").is_in(*OFFERS), StpConfiguration: own, CdpAnnouncement: own}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, StpConfiguration | CdpAnnouncement):
            self._bridges.put(packet.src_mac, True)
        if not isinstance(event, DtpMessage) or event.mode not in OFFERS:
            return
        sender = Subject(packet.src_mac, 0, packet.vlan)
        key = (packet.vlan, packet.src_mac)
        first = self._first.get(key)
        if first is None:
            self._first.put(key, packet.ts)
            return
        seconds = (packet.ts - first) // SECOND
        if seconds < self.options.watched_s or self._is_switch(sender) or not self._reported.fresh(key, packet.ts):
            return
        yield self.alert(
            event,
            actor=sender,
            target=Subject(event.neighbor if event.neighbor != packet.src_mac else 0, 0, packet.vlan),
            summary=f"{who(self.context, sender)} offered to make its link a trunk of all VLANs",
            why=(
                f"it offered a trunk in mode {event.mode} for {seconds} s (threshold {self.options.watched_s})",
                "it is not known as a switch: it sent no spanning tree or CDP message",
            ),
            numbers={"seconds": seconds, "threshold": self.options.watched_s, "trunk": int(event.trunk)},
            key=(mac_text(packet.src_mac),),
            confidence=0.75 if is_random_mac(packet.src_mac) else 0.7,
            network={"proto": "dtp", "vlan": packet.vlan, "direction": "internal"},
        )

    def _is_switch(self, sender: Subject) -> bool:
        device = self.context.device(sender)
        if self._bridges.get(sender.mac) or device is None:
            return self._bridges.get(sender.mac) is not None
        vendor = device.attributes.get("vendor")
        return device.type in CARRIERS or (vendor is not None and VENDOR in vendor.value)
