"""Spanning tree root takeover: a new bridge advertises itself as the root with a better priority than the current one,
so that traffic of the segment passes through it.

The tree of a network has one root for months. Its administrator replaces it now and then, with a switch of the same
priority range; attack programs advertise priority 0, or the root's own with a smaller MAC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import CARRIERS, who
from sensor.detectors.shared.named_hosts import Macs
from sensor.dissectors.stp import StpConfiguration

TREES_LIMIT, REPORTED_LIMIT, REPORTED_S = 1024, 1024, 600


class Options(detector.Options):
    """Which bridges may be the root, and how long a root is remembered."""

    roots: Macs = Field((), description="MACs of bridges that may become the root")
    settled_s: int = Field(20, ge=2, le=600, description="seconds for which a root must have been known")


class _Root(NamedTuple):
    """The present root of a tree: priority and MAC, and since when."""

    priority: int
    mac: int
    since: int


class SpanningTreeRoot(EventDetector):
    """Watches BPDUs of bridges that advertise themselves as the root."""

    title = "Spanning tree root takeover"
    severity = Severity.medium
    techniques = ("T1557",)
    advice = (
        "Find the switch port of this MAC and disconnect the device, unless a switch was replaced. Enable BPDU "
        "guard on ports of end devices and root guard on the others."
    )
    false_positives = "A new or replaced core switch (list its MAC in `roots`); a merged capture of several networks."
    Options = Options
    watches = (StpConfiguration,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._roots: Bounded[tuple[int, int, int], _Root] = self.tables.add("roots", Bounded(TREES_LIMIT))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = frozenset(addresses.parse_mac(mac) for mac in self.options.roots)

    def wants(self) -> dict[type[Event], Want]:
        return {StpConfiguration: field("cost") == 0}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, StpConfiguration) or event.cost or event.root != event.bridge:
            return
        packet = event.packet
        tree = (packet.source, packet.vlan, event.vlan)
        known = self._roots.get(tree)
        claim = _Root(event.root_priority, event.root, packet.ts)
        if known is None:
            self._roots.put(tree, claim)
        elif claim[:2] < known[:2]:
            self._roots.put(tree, claim)
            settled = packet.ts - known.since >= self.options.settled_s * SECOND
            if settled and claim.mac != known.mac and claim.mac not in self._allowed:
                yield from self._taken(event, known)

    def _taken(self, event: StpConfiguration, known: _Root) -> Iterator[Alert]:
        packet = event.packet
        actor = Subject(packet.src_mac, 0, packet.vlan)
        if not self._reported.fresh((packet.source, packet.vlan, event.root), packet.ts):
            return
        device = self.context.device(actor)
        bridge = device is not None and device.type in CARRIERS
        yield self.alert(
            event,
            actor=actor,
            target=Subject(known.mac, 0, packet.vlan),
            summary=(
                f"{who(self.context, actor)} became the root of the spanning tree in place of {mac_text(known.mac)}"
            ),
            why=(
                f"it advertises root priority {event.root_priority}, the former root had {known.priority}",
                f"the former root was known for {(packet.ts - known.since) // SECOND} s",
                *(["it is a known network device"] if bridge else []),
            ),
            numbers={"priority": event.root_priority, "former": known.priority, "threshold": known.priority},
            key=(mac_text(event.root),),
            severity=Severity.low if bridge else Severity.medium,
            confidence=0.6 if bridge else 0.75,
            network={"vlan": packet.vlan},
        )
