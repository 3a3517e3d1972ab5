"""A rule as a detector, with the id ``custom.`` and its own: one class per rule, which subscribes only to what the rule
watches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np

from sensor.core.alert import Alert
from sensor.core.bounded import Recent
from sensor.core.detector import Context, Detector, DeviceDetector, EventDetector
from sensor.core.device import DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.known_values import CUSTOM
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, any_of
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import who
from sensor.rules.compile import Counting, RuleMatch, Sequence, ready_steps, sentence
from sensor.rules.fields import Signal, ends_of
from sensor.rules.model import Rule
from sensor.rules.values import Sets

REPEATS_LIMIT = 16_384


class CustomDetector(Detector):
    """Common base. ``matched``: number of things that met the conditions of any step."""

    adjusts_severity = True
    rule: ClassVar[Rule]
    sets: ClassVar[Sets]

    def __init__(self, context: Context, options: Any = None) -> None:
        """Raises RuleError with the faults of the rule."""
        super().__init__(context, options)
        rule = self.rule
        self._steps = list(enumerate(ready_steps(rule, self.sets, context)))
        ready = [step for _, step in self._steps]
        self._state = self.tables.include("state", Sequence(rule, ready) if rule.sequence else Counting(rule, ready[0]))
        self._sentence = sentence(rule, ready[-1].fields, self._name)
        self._reported: Recent[object] = self.tables.add("reported", Recent(REPEATS_LIMIT, rule.again * SECOND))
        self._key, self._label = ready[-1].key, ready[-1].label
        self.matched = 0

    def look(self, signal: Signal) -> Iterator[Alert]:
        """Alerts for one event, flow or device change. Later steps first: a thing can be only one step of a chain."""
        for place, step in reversed(self._steps):
            if step.watches(signal) and step.holds(signal):
                self.matched += 1
                found = self._state.add(signal, place)
                if found is not None and self._reported.fresh(self._key(signal), signal.ts):
                    yield self._alert(signal, found)

    def _alert(self, signal: Signal, found: RuleMatch) -> Alert:
        rule, ends = self.rule, ends_of(signal)
        src, dst, ports = ends.src(signal), ends.dst(signal), (ends.src_port(signal), ends.dst_port(signal))
        if rule.actor == "dst":
            src, dst, ports = dst, src, ports[::-1]
        target = dst if dst.address or dst.mac else None
        numbers: dict[str, int | float | str] = {
            "count": found.number,
            "threshold": len(self._steps) if rule.sequence else rule.count,
        }
        if rule.within is not None:
            numbers["window_s"] = rule.within
        alert = self.alert(
            signal,
            actor=src,
            target=target,
            summary=self._sentence(signal, found),
            why=self._why(found),
            numbers=numbers,
            key=(self._label(signal),),
            confidence=rule.confidence,
            actor_port=ports[0],
            target_port=ports[1],
            network=self._network(signal),
            first=found.first,
        )
        return msgspec.structs.replace(alert, techniques=rule.techniques)

    def _why(self, found: RuleMatch) -> Iterator[str]:
        rule = self.rule
        watched = ", then ".join(" or ".join(step.when) for step in rule.steps)
        if rule.sequence:
            yield f"{watched}, within {rule.within} s, as your rule {rule.id} requires"
        elif rule.count > 1:
            what = f"different {rule.distinct} of {watched}" if rule.distinct else watched
            yield f"{found.number} {what} within {rule.within} s (threshold {rule.count}, your rule {rule.id})"
        else:
            yield f"{watched} matches your rule {rule.id}"
        if rule.reference:
            yield f"the rule refers to {rule.reference}"

    def _name(self, signal: Signal, side: str) -> str:
        ends = ends_of(signal)
        subject = ends.src(signal) if side == "src" else ends.dst(signal)
        return who(self.context, subject) if subject.address or subject.mac else "no host"

    def _network(self, signal: Signal) -> dict[str, str | int]:
        if isinstance(signal, DeviceChange):
            return {}
        ends = ends_of(signal)
        src, dst = ends.src(signal), ends.dst(signal)
        proto = signal.proto if isinstance(signal, Flow) else signal.packet.proto
        network: dict[str, str | int] = {"proto": PROTOCOLS.get(proto, str(proto)), "vlan": src.vlan}
        if isinstance(signal, Event):
            network["app"] = signal.kind.partition(".")[0]
        return network | {"direction": self.context.networks.direction(src.address, dst.address)}


class _OnEvents(CustomDetector, EventDetector):
    def wants(self) -> dict[type[Event], Want]:
        """Prefilters from its conditions on event fields; conditions on devices are evaluated on what passes them."""
        return {kind: any_of(step.wanted for _, step in self._steps if kind in step.events) for kind in self.watches}

    def inspect(self, event: Event) -> Iterator[Alert]:
        return self.look(event)


class _OnFlows(CustomDetector, FlowDetector):
    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        found = np.zeros(len(changes.rows), np.bool_)
        for _, step in self._steps:
            if step.flows:
                found |= step.rows(changes.rows)
        return ((row, None) for row in np.flatnonzero(found).tolist())

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        return self.look(flow)


class _OnDevices(CustomDetector, DeviceDetector):
    def review(self, change: DeviceChange) -> Iterator[Alert]:
        return self.look(change)


def detector_of(rule: Rule, sets: Sets, context: Context) -> CustomDetector:
    """The detector of a rule. Raises RuleError if the rule is invalid."""
    steps = ready_steps(rule, sets, context)
    events = tuple(
        dict.fromkeys(event for step in steps for event in sorted(step.events, key=lambda one: one.__name__))
    )
    bases = [
        base
        for base, wanted in (
            (_OnEvents, events),
            (_OnFlows, any(step.flows for step in steps)),
            (_OnDevices, any(step.devices for step in steps)),
        )
        if wanted
    ]
    facts = {
        "title": rule.title, "severity": rule.level, "techniques": (), "advice": rule.advice,
        "false_positives": rule.false_positives, "watches": events, "rule": rule, "sets": sets, "__doc__": rule.title,
    }  # fmt: skip
    made: CustomDetector = type(f"Custom_{rule.id}", tuple(bases), facts)(context)
    made.id = CUSTOM + rule.id
    return made
