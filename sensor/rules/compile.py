"""Compiles rules into closures once: their text is not parsed again while packets pass, and nothing in it is executed
as code.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.flow import Change
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, all_of, field
from sensor.counting.tally import Counts, Distinct
from sensor.documents import nearest
from sensor.rules.fields import DEVICE_KINDS, FLOW_KINDS, Field, Fields, Signal, event_classes, fields_of, watched
from sensor.rules.model import Block, Rule, Step
from sensor.rules.possible import check_possible
from sensor.rules.values import Kind, Mask, RuleError, Sets, ValueTest, fit_of

# Limits of keys and values in a rule's windows.
KEYS_LIMIT, VALUES_LIMIT = 16_384, 4096
SHOWN_LIMIT = 120

Holds = Callable[[Any], bool]
Key = Callable[[Any], Hashable]
Rows = npt.NDArray[np.void]
_BRACES = lazy_pattern(r"\{([a-z][a-z0-9_.]*)\}")


class CompiledStep(NamedTuple):
    """One step of a rule. ``holds``: predicate on an event, a flow or a device change; ``rows``: prefilter on columns
    of flow changes; ``key``: grouping key, of types ``by``, and ``label``: the same as text; ``wanted``: prefilter of
    events.
    """

    events: frozenset[type[Event]]
    flows: frozenset[Change]
    devices: frozenset[str]
    holds: Holds
    rows: Callable[[Rows], Mask]
    key: Key
    by: tuple[Kind, ...]
    label: Callable[[Any], str]
    fields: Fields
    wanted: Want

    def watches(self, signal: Signal) -> bool:
        """Whether the step applies to things of this kind."""
        if isinstance(signal, Event):
            return type(signal) in self.events
        return getattr(signal, "kind", None) in self.flows or getattr(signal, "action", None) in self.devices


def ready_steps(rule: Rule, sets: Sets, context: Context) -> list[CompiledStep]:
    """The steps of a rule. Raises RuleError with all faults and their positions."""
    ready, errors = [], list[RuleError]()
    for place, step in enumerate(rule.steps):
        above: tuple[str | int, ...] = ("sequence", place) if rule.sequence else ()
        here: list[RuleError] = []
        try:
            ready.append(_step(step, step.by or rule.by or (rule.actor,), sets, context, here))
        except RuleError as error:
            here.append(error)
        errors += [one.within(*above) for one in here]
    errors = errors or [*_unjoined(ready)]
    if errors:
        errors[0].others = tuple(errors[1:])
        raise errors[0]
    return ready


def _unjoined(steps: list[CompiledStep]) -> Iterator[RuleError]:
    """Steps of a sequence whose keys cannot equal those of its first step."""
    first = steps[0].by
    for place, step in enumerate(steps):
        if len(step.by) != len(first) or not all(map(_comparable, step.by, first)):
            found, expected = (" and ".join(kind.value for kind in kinds) for kinds in (step.by, first))
            message = f"found {found} to group by, expected {expected}, as in the first step"
            yield RuleError(message, "sequence", place, "by")


def _comparable(one: Kind, other: Kind) -> bool:
    """Whether values of both types can be equal: fields of events may hold addresses and MACs as numbers."""
    return one is other or (Kind.NUMBER in (one, other) and {one, other} <= {Kind.NUMBER, Kind.ADDRESS, Kind.MAC})


def _step(step: Step, by: Iterable[str], sets: Sets, context: Context, errors: list[RuleError]) -> CompiledStep:
    """Adds faults in conditions to ``errors``."""
    kinds = watched(step.when)
    fields = fields_of(kinds, context)
    where = _block(step.where, fields, sets, context, errors, "where")
    unless = [_block(block, fields, sets, context, errors, "unless", place) for place, block in enumerate(step.unless)]
    either = [_block(block, fields, sets, context, errors, "any", place) for place, block in enumerate(step.any)]
    common = [_field(fields, name, "by", *((place,) if len(step.by) > 1 else ())) for place, name in enumerate(by)]
    keys = tuple(one.get for one in common)
    flows = frozenset(FLOW_KINDS[kind] for kind in kinds if kind in FLOW_KINDS)
    return CompiledStep(
        frozenset(event_classes()[kind] for kind in kinds if kind not in FLOW_KINDS and kind not in DEVICE_KINDS),
        flows,
        frozenset(DEVICE_KINDS[kind] for kind in kinds if kind in DEVICE_KINDS),
        _holds(where, unless, either),
        _rows(flows, where),
        keys[0] if len(keys) == 1 else lambda signal: tuple(key(signal) for key in keys),
        tuple(one.kind for one in common),
        lambda signal: " ".join(shown(one.kind, one.get(signal)) for one in common),
        fields,
        all_of(field(source).passes(fit.one) for _, fit, _, source in where if source),
    )


# Conditions.

Conditions = list[tuple[Callable[[Any], Any], ValueTest, tuple[str, ...], str]]


def _block(
    block: Block, fields: Fields, sets: Sets, context: Context, errors: list[RuleError], *above: str | int
) -> Conditions:
    """The conditions on each field, with those on the inventory last."""
    found = []
    for name, condition in block.items():
        try:
            one = _field(fields, name, name, key=True)
            found.append((one.asks, (one.get, _fit(one, name, condition, sets, context), one.columns, one.source)))
        except RuleError as error:
            errors.append(error.within(*above))
    return [what for _, what in sorted(found, key=lambda each: each[0])]


def _fit(about: Field, name: str, condition: Any, sets: Sets, context: Context) -> ValueTest:
    try:
        fit = fit_of(about.kind, condition, sets, context.networks)
        check_possible(about, condition, sets)
        return fit
    except RuleError as error:
        raise error.within(name) from None


def _field(fields: Fields, name: str, *above: str | int, key: bool = False) -> Field:
    if name not in fields:
        raise RuleError(f"found the field {name!r}, {nearest(name, list(fields))}", *above, key=key)
    return fields[name]


def _holds(where: Conditions, unless: list[Conditions], either: list[Conditions]) -> Holds:
    wanted, unwanted, some = _all(where), [_all(each) for each in unless], [_all(each) for each in either]
    if not unless and not some:
        return wanted
    return lambda signal: (
        wanted(signal)
        and not any(holds(signal) for holds in unwanted)
        and (not some or any(holds(signal) for holds in some))
    )


def _all(condition: Conditions) -> Holds:
    pairs = tuple((get, fit.one) for get, fit, _, _ in condition)

    def holds(signal: Any) -> bool:
        for get, one in pairs:  # noqa: SIM110 - a generator would cost as much again
            if not one(get(signal)):
                return False
        return True

    return holds


def _rows(kinds: frozenset[Change], where: Conditions) -> Callable[[Rows], Mask]:
    """A prefilter with the conditions in ``where`` that can be evaluated on columns; the others are evaluated on the
    rest.
    """
    wanted = [int(kind) for kind in kinds]
    columns = [(fit.many, names) for _, fit, names, _ in where if fit.many is not None and names]

    def rows(changes: Rows) -> Mask:
        found = np.isin(changes["kind"], wanted)
        for many, names in columns:
            if not found.any():
                break
            found &= many(*(changes[name] for name in names))
        return found

    return rows


# Counts and sequences.


class RuleMatch(NamedTuple):
    """A match of the rule: the number counted, and the start."""

    number: int
    first: int


class Counting:
    """Counts things with one key, or distinct values of a field, within the window."""

    def __init__(self, rule: Rule, step: CompiledStep) -> None:
        """Raises RuleError if the field with distinct values does not exist."""
        self._most, self._key = rule.count, step.key
        self._value = _field(step.fields, rule.distinct, "distinct").get if rule.distinct else None
        window = (rule.within or 1) * SECOND
        self.tables = NamedTables()
        self._counts: Counts[Hashable] = self.tables.add("counts", Counts(window, KEYS_LIMIT))
        self._values: Distinct[Hashable, Hashable] = self.tables.add(
            "values", Distinct(window, KEYS_LIMIT, min(max(rule.count, 16), VALUES_LIMIT))
        )

    def add(self, signal: Any, _: int) -> RuleMatch | None:
        if self._most == 1:
            return RuleMatch(1, signal.ts)
        key = self._key(signal)
        if self._value is None:
            count = self._counts.add(key, signal.ts)
            return RuleMatch(count, signal.ts) if count >= self._most else None
        count = self._values.add(key, self._value(signal), signal.ts)
        return RuleMatch(count, signal.ts) if count >= self._most else None


class Sequence:
    """For each key and each number of completed steps: the start of the latest such chain."""

    def __init__(self, rule: Rule, steps: list[CompiledStep]) -> None:
        self._steps, self._window = steps, (rule.within or 1) * SECOND
        self.tables = NamedTables()
        self._chains: Bounded[Hashable, list[int]] = self.tables.add("chains", Bounded(KEYS_LIMIT))

    def add(self, signal: Any, step: int) -> RuleMatch | None:
        """Process a thing that matches ``step``; the last step completes a chain that is within the window."""
        key = self._steps[step].key(signal)
        chains = self._chains.get(key)
        if chains is None:
            if step:
                return None
            chains = [-1] * len(self._steps)
            self._chains.put(key, chains)
        began = signal.ts if step == 0 else chains[step - 1]
        if began < 0 or not 0 <= signal.ts - began <= self._window:
            return None
        chains[step] = began
        if step < len(self._steps) - 1:
            return None
        self._chains.pop(key)
        return RuleMatch(len(self._steps), began)


# Text of the alert.


def sentence(rule: Rule, fields: Fields, who: Callable[[Any, str], str]) -> Callable[[Any, RuleMatch], str]:
    """The function that makes the summary of an alert, with fields in braces. ``who`` names an endpoint. Raises
    RuleError for an unknown field.
    """
    parts = _BRACES.split(rule.summary or rule.title)
    for name in parts[1::2]:
        if name not in {"count", "src", "dst"}:
            _field(fields, name, "summary")

    def text_of(name: str, signal: Any, found: RuleMatch) -> str:
        if name == "count":
            return str(found.number)
        return who(signal, name) if name in {"src", "dst"} else shown(fields[name].kind, fields[name].get(signal))

    return lambda signal, found: "".join(
        text_of(part, signal, found) if place % 2 else part for place, part in enumerate(parts)
    )


def shown(kind: Kind, value: Any) -> str:
    """A value in readable form."""
    if kind is Kind.ADDRESS:
        return addresses.text(value) if value else "no host"
    if kind is Kind.MAC:
        return addresses.mac_text(value)
    if kind in {Kind.TEXTS, Kind.NUMBERS}:
        return ", ".join(map(str, value[:8]))[:SHOWN_LIMIT]
    return str(value)[:SHOWN_LIMIT]
