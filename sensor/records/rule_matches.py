"""Matches of a rule in the traffic records: what it would have raised on past traffic, with the original times."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import msgspec

from sensor.core.addresses import Networks
from sensor.core.alert import Alert
from sensor.core.observation import Subject
from sensor.core.stored import Stored
from sensor.records.past_devices import PastDevices
from sensor.records.past_signals import ROWS_MOST, Examined, PastSignals, Signal, Watched
from sensor.records.query import Query
from sensor.records.rule_conditions import Condition, narrowed
from sensor.records.stored_kinds import KINDS

# Limits on alerts of one rule, the newest, and of one look-back; number of signals after which the caller may pause.
FINDINGS_MOST, ALERTS_MOST, STEP = 10_000, 64, 500
# What a backtest on records cannot know, in words for users.
LIMITS = (
    "repeats of a message within seconds are one record, so counts may be too low",
    "connections that were open at the end, and frames that no table keeps, are not in the records",
    "a device has the attributes that its history holds for that time; before its first version those of the first",
)


class Used(Protocol):
    """What a rule reads of one kind (``sensor.rules.uses``)."""

    @property
    def kind(self) -> str: ...
    @property
    def fields(self) -> frozenset[str]: ...
    @property
    def needs(self) -> Sequence[tuple[str, str, Sequence[str | int | float]]]: ...


class RuleDetector(Protocol):
    """The detector of a rule."""

    def look(self, signal: Signal) -> Iterator[Alert]: ...


class Matches(NamedTuple):
    """``alerts``: the newest, with the times of the traffic; ``raised``: the number of all; ``examined``: the rows that
    were read for them.
    """

    alerts: Sequence[Alert]
    raised: int
    examined: Examined


class MissingKind(NamedTuple):
    """A kind of event that records do not keep; or one of its fields."""

    kind: str
    field: str = ""

    def __str__(self) -> str:
        return f"the records do not keep {f'{self.field} of ' if self.field else ''}{self.kind}"


def unknown_in_records(uses: Iterable[Used]) -> list[MissingKind]:
    """What a rule needs and records do not keep: it cannot be evaluated on them."""
    found = list[MissingKind]()
    for use in uses:
        if use.kind not in KINDS:
            found.append(MissingKind(use.kind))
            continue
        missing = sorted({name for stored in KINDS[use.kind] for name in stored.missing(use.fields)})
        found += [MissingKind(use.kind, name) for name in missing]
    return list(dict.fromkeys(found))


def rule_matches(
    query: Query, uses: Sequence[Used], made: Callable[[PastDevices], RuleDetector], networks: Networks,
    *, rest: Callable[[], None] = lambda: None, most: int = ROWS_MOST,
) -> Matches:  # fmt: skip
    """Evaluate a rule that ``unknown_in_records`` accepts. ``made``: makes its detector for a context; ``rest``: called
    every ``STEP`` signals. Raises QueryError.
    """
    devices = PastDevices(query, networks)
    detector, signals = made(devices), PastSignals(query, [_watched(use) for use in uses], most)
    alerts, raised = deque[Alert](maxlen=FINDINGS_MOST), 0
    for number, past in enumerate(signals):
        devices.at(past.signal.ts, past.places)
        for alert in detector.look(past.signal):
            alerts.append(alert)
            raised += 1
        if number % STEP == STEP - 1:
            rest()
    return Matches(alerts, raised, signals.examined)


def _watched(use: Used) -> Watched:
    conditions = [Condition(*one) for one in use.needs]
    return Watched(use.kind, lambda stored: narrowed(stored, conditions))


def retrospective(alerts: Iterable[Alert], rule: str, now: int) -> list[Alert]:
    """Alerts of past traffic for the alert processor: repeats of a finding are one alert, reported now (``now``: ns),
    with the original times.
    """
    by_key = dict[str, list[Alert]]()
    for alert in alerts:
        by_key.setdefault(alert.key, []).append(alert)
    found = sorted(by_key.values(), key=lambda some: some[-1].ts, reverse=True)[:ALERTS_MOST]
    return [_retrospective(some, rule, now + number) for number, some in enumerate(found)]


def _retrospective(some: Sequence[Alert], rule: str, now: int) -> Alert:
    latest, first, last = some[-1], min(one.first for one in some), some[-1].ts
    times = f"{_clock(first)} UTC" if first == last else f"{_clock(first)} to {_clock(last)} UTC"
    target = latest.target or Subject(0)
    facts = (("rule", rule), ("first", _clock(first)), ("last", _clock(last)), ("count", len(some)))
    stored = Stored(last, "rule", latest.actor, target, latest.actor_port, latest.target_port, facts)
    numbers = {"retrospective": 1, "matches": len(some), "first_match": _clock(first), "last_match": _clock(last)}
    return msgspec.structs.replace(
        latest, ts=now, first=first, count=len(some), title=f"Past match: {latest.title}",
        key=f"{latest.key}|retrospective", summary=f"{latest.summary} ({times}, before the rule was added or changed)",
        why=(*latest.why, f"matches in the traffic records: {times}"), numbers=latest.numbers | numbers,
        proof=(stored,),
    )  # fmt: skip


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
