"""Backtest of a changed configuration: which past alerts other thresholds of built-in detectors would have silenced.

An alert holds the value at its last report, and the threshold that it reached (``Detector.decisive``). A value at or
above the new threshold would have raised the alert again. What stayed below the old threshold raised no alert, so the
effect of a lower one is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sensor.core.alert import Severity
from sensor.core.detector import Detector, Options

Record = dict[str, Any]

# Reasons for which the effect of an option is unknown.
NOT_IN_ALERTS = "alerts do not hold the value that it limits"
SEVERITY_ONLY = "it changes the severity of alerts"
TIME = "alerts do not hold what happened outside this time"
LOWERED = "it was lowered, and what stayed below the old threshold raised no alert"
ENABLED = "the detector was disabled, and raised no alerts"
# Endings of the names of times.
TIMES = ("_s", "_h", "_d", "_days", "hours")
LESS_SEVERE = "less severe alerts were not reported"


class Effect(StrEnum):
    """The effect of a changed option on an alert."""

    KEPT = "kept"
    SILENCED = "silenced"
    UNKNOWN = "unknown"


class Change(NamedTuple):
    """A changed option of a detector. ``unknown``: reason for which its effect is unknown; empty if it is known."""

    detector: str
    option: str
    old: Any
    new: Any
    unknown: str


class Backtested(NamedTuple):
    """The effect of a change: the alerts of its detector by effect."""

    change: Change
    alerts: Mapping[Effect, Sequence[Record]]


class Settings(NamedTuple):
    """The options of a detector in the configuration in use and in the changed one."""

    unit: type[Detector]
    old: Options
    new: Options

    def changes(self, detector: str) -> Iterator[Change]:
        """The options that differ."""
        for name in self.old.__struct_fields__:
            old, new = getattr(self.old, name), getattr(self.new, name)
            if old != new:
                yield Change(detector, name, old, new, self._unknown(name, old, new))

    def _unknown(self, option: str, old: Any, new: Any) -> str:
        if option == "enabled":
            return ENABLED if new else ""
        if option not in self.unit.decisive:
            return reason_of(option, str(self.old.__limits__[option].get("description", "")))
        return LOWERED if new < old else ""

    def effect(self, option: str, numbers: Mapping[str, Any]) -> Effect | None:
        """The effect of a changed option on an alert with these numbers; None if another option raised it."""
        if option == "enabled":
            return Effect.SILENCED
        number = self.unit.decisive[option]
        value, threshold = numbers.get(number), numbers.get("threshold")
        if not isinstance(value, int | float) or not isinstance(threshold, int | float):
            return None
        alike = [name for name, other in self.unit.decisive.items() if other == number]
        if threshold != getattr(self.old, option):
            others = [getattr(self.old, name) for name in alike if name != option]
            return None if threshold in others else Effect.UNKNOWN
        if value >= getattr(self.new, option):
            return Effect.KEPT
        again = any(value >= getattr(self.new, name) for name in alike if name != option)
        return Effect.UNKNOWN if again or value < threshold else Effect.SILENCED


def reason_of(option: str, description: str) -> str:
    """The reason for which the effect of an option that is not decisive is unknown."""
    if "severity" in description:
        return SEVERITY_ONLY
    return TIME if option.endswith(TIMES) else NOT_IN_ALERTS


def backtested(settings: Mapping[str, Settings], records: Iterable[Record]) -> list[Backtested]:
    """The changes between two configurations, each with the alerts that it concerns. ``records``: the last of each
    alert.
    """
    by_detector: dict[str, list[Record]] = {}
    for record in records:
        by_detector.setdefault(str(record["alert"].get("detector")), []).append(record)
    return [
        _of(change, one, by_detector.get(detector, ()))
        for detector, one in settings.items()
        for change in one.changes(detector)
    ]


def least_backtested(old: Severity, new: Severity, records: Iterable[Record]) -> Backtested | None:
    """The effect of another lowest severity of reported alerts; None if it is the same."""
    if old == new:
        return None
    change = Change("alerts", "least", old.name, new.name, LESS_SEVERE if new < old else "")
    alerts: dict[Effect, list[Record]] = {effect: [] for effect in Effect}
    for record in () if change.unknown else records:
        alerts[Effect.KEPT if Severity[str(record["severity"])] >= new else Effect.SILENCED].append(record)
    return Backtested(change, alerts)


def _of(change: Change, settings: Settings, records: Sequence[Record]) -> Backtested:
    alerts: dict[Effect, list[Record]] = {effect: [] for effect in Effect}
    if not change.unknown:
        for record in records:
            numbers = record["alert"].get("numbers")
            effect = settings.effect(change.option, numbers if isinstance(numbers, dict) else {})
            if effect is not None:
                alerts[effect].append(record)
    return Backtested(change, alerts)
