"""The VLAN list of a domain is replaced by a host that is not a switch (Cisco's VLAN Trunking Protocol): all switches
of the domain copy the list with the highest revision, even if it is empty.

Only switches send such messages. A sender that is known as one, that sends spanning tree or CDP messages, or whose MAC
belongs to Cisco, is not reported, nor is a sender as long as no other one of its domain is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import CARRIERS, who
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.stp import StpConfiguration
from sensor.dissectors.vtp import VtpMessage

DOMAINS_LIMIT, SENDERS_LIMIT, REPORTED_S = 1024, 1024, 3600
VENDOR = "Cisco"


class _List(NamedTuple):
    """The present revision of a domain, and the MAC that sent it."""

    revision: int
    mac: int


class VlanDatabase(EventDetector):
    """Watches revisions of domains, and protocols that switches send."""

    title = "VLAN database replaced by a host that is not a switch (VTP)"
    severity = Severity.high
    techniques = ("T1565", "T1599")
    advice = (
        "Find the switch port of this MAC and disconnect the host. Compare the VLANs of the switches with a backup. "
        "Set VTP to transparent or off, or use version 3 with a password; set ports of end devices to access mode."
    )
    false_positives = "A switch of another vendor that uses this protocol; a virtual switch in a lab network."
    watches = (VtpMessage, StpConfiguration, CdpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._lists: Bounded[tuple[int, str], _List] = self.tables.add("lists", Bounded(DOMAINS_LIMIT))
        self._bridges: Bounded[int, bool] = self.tables.add("bridges", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(SENDERS_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return dict.fromkeys((StpConfiguration, CdpAnnouncement), field("packet.src_mac").filled())

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, VtpMessage):
            self._bridges.put(packet.src_mac, True)
            return
        domain = packet.source, event.domain
        known, present = self._lists.get(domain), _List(event.revision, packet.src_mac)
        if known is not None and present.revision <= known.revision:
            return
        if known is not None and known.mac != present.mac and not self._is_switch(packet.src_mac, packet.vlan):
            if self._reported.fresh((packet.src_mac, event.domain), packet.ts):
                yield self._replaced(event, known)
            return
        self._lists.put(domain, present)

    def _is_switch(self, mac: int, vlan: int) -> bool:
        device = self.context.device(Subject(mac, 0, vlan))
        if self._bridges.get(mac) or device is None:
            return self._bridges.get(mac) is not None
        vendor = device.attributes.get("vendor")
        return device.type in CARRIERS or (vendor is not None and VENDOR in vendor.value)

    def _replaced(self, event: VtpMessage, known: _List) -> Alert:
        packet = event.packet
        actor = Subject(packet.src_mac, 0, packet.vlan)
        return self.alert(
            event,
            actor=actor,
            target=Subject(known.mac, 0, packet.vlan),
            summary=f"{who(self.context, actor)} replaced the VLAN database of the domain {event.domain or '(none)'}",
            why=(
                f"it sent revision {event.revision}, the current one is {known.revision} of {mac_text(known.mac)}",
                "it is not known as a switch: it sent no spanning tree or CDP message",
            ),
            numbers={"revision": event.revision, "threshold": known.revision + 1, "domain": event.domain},
            key=(mac_text(packet.src_mac), event.domain),
            confidence=0.8,
            network={"proto": "vtp", "vlan": packet.vlan, "direction": "internal"},
        )
