"""Takeover of a virtual gateway: a router that was not observed in the group before becomes active in HSRP or VRRP
while the active one is alive, so that the traffic of the segment passes through it.

A standby of HSRP is observed before it takes over, and both protocols change over when the active router is silent for
three intervals. A VRRP router that returns with its old, higher priority was silent before: in VRRP only the two
highest priorities, which attack programs use, are reported. 255 belongs to the owner of the address (RFC 9568, 5.2.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import CARRIERS, app_of, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.hsrp import HsrpMessage
from sensor.dissectors.vrrp import VrrpAdvertisement

GROUPS_LIMIT, SPEAKERS_LIMIT, REPORTED_LIMIT, REPORTED_S = 1024, 4096, 1024, 600
HIGHEST = 254
# The active router is alive for less than its hold time (ns): three default intervals.
ALIVE = {"hsrp": 8 * SECOND, "vrrp": 5 * SECOND // 2}
Group = tuple[int, int, str, int]


class Options(detector.Options):
    """Which routers may take over, and how long a router must have been active."""

    routers: Blocks = Field((), description="addresses and CIDR blocks of the routers that may become active")
    settled_s: int = Field(20, ge=2, le=600, description="seconds for which a router must have been active")


class _Active(NamedTuple):
    """The active router of a group."""

    address: int
    mac: int
    priority: int
    since: int
    last: int


class GatewayTakeover(EventDetector):
    """Watches the messages of HSRP and VRRP, by group."""

    title = "Takeover of a virtual gateway (HSRP, VRRP)"
    severity = Severity.high
    techniques = ("T1557",)
    advice = (
        "Find the switch port of this host and disconnect it, unless a router was added. Authenticate the protocol "
        "with a key of your own, give the real routers priority 255 or 254, and filter it on ports of end devices."
    )
    false_positives = "A router that is added to the group: list its address in `routers`."
    Options = Options
    watches = (HsrpMessage, VrrpAdvertisement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._active: Bounded[Group, _Active] = self.tables.add("active", Bounded(GROUPS_LIMIT))
        self._observed: Bounded[tuple[Group, int], bool] = self.tables.add("observed", Bounded(SPEAKERS_LIMIT))
        self._reported: Recent[tuple[Group, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = AddressBlocks(self.options.routers)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, HsrpMessage | VrrpAdvertisement):
            return
        packet = event.packet
        group = (packet.source, packet.vlan, app_of(event), event.group)
        observed = self._observed.get((group, packet.src)) is not None
        self._observed.put((group, packet.src), True)
        takes, owner = _takes(event)
        if not takes:
            return
        known = self._active.get(group)
        same = known is not None and known.address == packet.src
        since = known.since if known is not None and same else packet.ts
        self._active.put(group, _Active(packet.src, packet.src_mac, event.priority, since, packet.ts))
        if known is None or same or observed or owner or packet.src in self._allowed:
            return
        alive = packet.ts - known.last <= ALIVE[group[2]]
        settled = packet.ts - known.since >= self.options.settled_s * SECOND
        if alive and settled and (isinstance(event, HsrpMessage) or event.priority >= HIGHEST):
            yield from self._taken(event, group, known)

    def _taken(self, event: HsrpMessage | VrrpAdvertisement, group: Group, known: _Active) -> Iterator[Alert]:
        packet = event.packet
        if not self._reported.fresh((group, packet.src), packet.ts):
            return
        actor, former = Subject(packet.src_mac, packet.src, packet.vlan), Subject(known.mac, known.address, packet.vlan)
        device = self.context.device(actor)
        usual = event.priority < HIGHEST or (device is not None and device.type in CARRIERS)
        name, seconds = app_of(event).upper(), (packet.ts - known.since) // SECOND
        yield self.alert(
            event,
            actor=actor,
            target=former,
            summary=(
                f"{who(self.context, actor)} took over the virtual gateway of {name} group {event.group} from "
                f"{who(self.context, former)}"
            ),
            why=(
                f"it was not observed in the group before, and advertises priority {event.priority}",
                f"{addresses.text(known.address)} was active with priority {known.priority} for {seconds} s, and is up",
            ),
            numbers={"priority": event.priority, "former": known.priority, "threshold": known.priority},
            key=(name, event.group),
            severity=Severity.low if usual else Severity.high,
            confidence=0.5 if usual else 0.85,
            network=network_of_packet(self.context, packet, app_of(event)),
        )


def _takes(event: HsrpMessage | VrrpAdvertisement) -> tuple[bool, bool]:
    """Whether the sender is the active router by its message, and whether it owns the address."""
    if isinstance(event, HsrpMessage):
        return event.operation == "coup" or (event.operation == "hello" and event.state == "active"), False
    return event.priority > 0, event.packet.src in event.addresses
