"""Routing messages (OSPF, EIGRP, RIP) from a host that is not a router: it announces routes, so that traffic passes
through it or is lost.

The routers of a segment are the same for months. A sender that joins those of the segment is reported, with low
severity as long as the segment was not monitored for long: routers that are switched on together appear one after the
other. A workstation is reported even if it is the first. Servers and unknown hosts that were present from the start may
be routers.
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
from sensor.core.time_units import HOUR, SECOND
from sensor.core.type_labels import a_type
from sensor.detectors.shared.hosts import CARRIERS, app_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.eigrp import EigrpMessage
from sensor.dissectors.ospf import OspfMessage
from sensor.dissectors.rip import RipMessage
from sensor.dissectors.shared.routing_events import RoutingMessage

SEGMENTS_LIMIT, SENDERS_LIMIT, REPORTED_S = 1024, 4096, 3600
# Hosts that are also routers: of containers, of virtual machines, of remote access.
MAY_ROUTE = frozenset(("unknown", "server", "hypervisor", "nas"))


class Options(detector.Options):
    """Which routers are allowed, and how long the others must be known."""

    routers: Blocks = Field((), description="addresses and CIDR blocks of the routers")
    settled_s: int = Field(20, ge=2, le=3600, description="seconds for which another router must have been known")
    learn_h: float = Field(1.0, ge=0, le=168, description="hours after which a new router is of medium severity")


class RogueRouting(EventDetector):
    """Watches senders of routing messages, by segment and protocol."""

    title = "Routing messages from a host that is not a router"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1557", "T1565")
    advice = (
        "Find the switch port of this host and disconnect it, unless a router was added. Authenticate the routing "
        "protocol, and make the interfaces towards end devices passive."
    )
    false_positives = "A new router, or a server that routes (list it in `routers`); a routing daemon in a laboratory."
    Options = Options
    watches = (OspfMessage, EigrpMessage, RipMessage)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        # Segment and protocol → when its first sender was seen; sender → after how many ns it joined others, or 0.
        self._since: Bounded[tuple[int, int, str], int] = self.tables.add("since", Bounded(SEGMENTS_LIMIT))
        self._senders: Bounded[tuple[int, int, str, int], int] = self.tables.add("senders", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, int, str, int]] = self.tables.add(
            "reported", Recent(SENDERS_LIMIT, REPORTED_S * SECOND)
        )
        self._routers = AddressBlocks(self.options.routers)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RoutingMessage) or event.operation == "request":
            return
        packet = event.packet
        segment = (packet.source, packet.vlan, app_of(event))
        sender = (*segment, packet.src)
        if packet.src in self._routers:
            if self._since.get(segment) is None:
                self._since.put(segment, packet.ts)
            return
        joined = self._senders.get(sender)
        if joined is None:
            since = self._since.get(segment)
            late = packet.ts - since if since is not None else 0
            joined = late if late >= self.options.settled_s * SECOND else 0
            self._senders.put(sender, joined)
            if since is None:
                self._since.put(segment, packet.ts)
        actor = Subject(packet.src_mac, packet.src, packet.vlan)
        device = self.context.device(actor)
        kind = device.type if device is not None else "unknown"
        user = kind not in CARRIERS and kind not in MAY_ROUTE
        if (user or (joined and kind not in CARRIERS)) and self._reported.fresh(sender, packet.ts):
            yield self._joined(event, actor, kind if user else "", joined)

    def _joined(self, event: RoutingMessage, actor: Subject, kind: str, joined: int) -> Alert:
        packet, name = event.packet, app_of(event).upper()
        signed = "authenticated" if event.signed else "not authenticated"
        known = kind or joined >= self.options.learn_h * HOUR
        severity = Severity.medium if known else Severity.low
        severity = Severity.high if is_fixed_function(self.context, actor) else severity
        return self.alert(
            event,
            actor=actor,
            target=Subject(0, packet.dst, packet.vlan),
            summary=f"{who(self.context, actor)} participates in the routing protocol {name}",
            why=(
                f"{name} {event.operation}, {event.routes} routes announced, {signed}",
                *([f"it is {a_type(kind)}"] if kind else []),
                *(["other routers of the segment were known before"] if joined else []),
            ),
            numbers={"routes": event.routes, "threshold": 1},
            key=(name, addresses.text(packet.src)),
            severity=severity,
            confidence=0.8 if kind and joined else 0.6,
            network=network_of_packet(self.context, packet, app_of(event)),
        )
