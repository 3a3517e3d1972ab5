"""SNMP walk of a whole agent: a host reads all values of a device, from the root of the tree on.

The values contain neighbors, routes, users, processes and installed software. Managers and inventory programs walk the
tables that they need, and some look at the first value of the tree only. A walk that begins at the root, or at mib-2
(RFC 1213), as ``snmpwalk`` does by default, and then reads group after group copies the device. A host that has queried
the agent before is its manager.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import HOUR, SECOND
from sensor.core.wants import Want, field, held
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import ends_of, is_external, is_fixed_function
from sensor.dissectors.snmp import SnmpRequest

AGENT = 161
# A host that queried an agent this long ago is its manager.
KNOWN_FOR = HOUR
WALKS = ("get_next", "get_bulk")
# Numbers in the names of mib-2 (1.3.6.1.2.1), of a group in it, and of a group in the host resources (RFC 2790).
ROOT, GROUP, HOST_GROUP = 6, 7, 8
HOST = "1.3.6.1.2.1.25."


class Options(CallOptions):
    """When a walk is one of the whole agent."""

    groups: int = Field(8, ge=3, le=60, description="threshold: groups of values that one source walked at one agent")
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    learn_h: float = Field(
        24, ge=0, le=2160, description="learning period of the network in hours, before a manager is new"
    )


class SnmpWalk(CallDetector):
    """Watches requests for the next values, from the root of the tree on."""

    title = "Full SNMP walk of a device"
    severity = Severity.medium
    techniques = ("T1602.001", "T1046")
    advice = (
        "Identify the program on the source. Replace the community string, use SNMPv3, restrict agents to their "
        "managers, and restrict the readable values with views."
    )
    false_positives = "An administrator who examines a device; an inventory program: add its host to `managers`."
    decisive = {"groups": "groups"}
    Options = Options
    watches = (SnmpRequest,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        # Client and agent with a request at the root → its time, ns
        self._roots: Bounded[tuple[int, int], int] = self.tables.add("roots", Bounded(PAIRS_LIMIT))
        self._groups: Distinct[tuple[int, int], str] = self.tables.add("groups", Distinct(window, PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, 24 * HOUR))

    def wants(self) -> dict[type[Event], Want]:
        begun = field("names").passes(_begins) | held(self._roots, "packet.src", "packet.dst")
        return {SnmpRequest: field("operation").is_in(*WALKS) & begun}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SnmpRequest) or event.operation not in WALKS or not event.names:
            return
        pair = pair_of(event.packet)
        if _begins(event.names):
            self._roots.put(pair, event.ts)
        elif pair in self._roots:
            groups = self._groups.add(pair, _group(event.names[0]), event.ts)
            if groups >= self.options.groups and self._reported.fresh(pair, event.ts):
                self._roots.pop(pair)
                yield from self._walked(event, groups)

    def _walked(self, event: SnmpRequest, groups: int) -> Iterator[Alert]:
        grade, reason = self._grade(event)
        if grade is None:
            return
        want, names = self.options, self._groups.values(pair_of(event.packet))
        yield self.call_alert(
            event,
            "walked all SNMP values of",
            (
                f"{groups} groups within {want.window_s} s from the root on (threshold {want.groups}): {some(names)}",
                reason,
            ),
            {"groups": groups, "threshold": want.groups, "window_s": want.window_s},
            severity=grade,
            confidence=0.8,
            app="snmp",
        )

    def _grade(self, event: SnmpRequest) -> tuple[Severity | None, str]:
        """Severity by the role of the source, None for a manager, and the reason."""
        ends = ends_of(event.packet)
        if is_external(self.context, ends.actor, ends.target):
            return Severity.high, "the source is external"
        if is_fixed_function(self.context, ends.actor):
            return Severity.high, "a fixed-function device manages no other device"
        known = self.context.baseline.first_use(ends.actor, ends.target, UDP << 16 | AGENT)
        if known and event.ts - known > KNOWN_FOR:
            return None, ""
        if self.context.baseline.age_h(event.ts) < self.options.learn_h:
            return Severity.low, "the learning period is not over: the source may be a manager"
        return self.severity, "it never queried this agent before"


def _begins(names: tuple[str, ...]) -> bool:
    """Whether a request for the next value is one for the first of the tree, or of mib-2."""
    return len(names) == 1 and names[0].count(".") < ROOT


def _group(name: str) -> str:
    """The group of a value, such as 1.3.6.1.2.1.2 (interfaces)."""
    return ".".join(name.split(".")[: HOST_GROUP if name.startswith(HOST) else GROUP])
