"""Events of a log, in order, that the site does not keep: changes of devices, capture quality, and health of the
sensor.

It collects them while the log is read for the site, and keeps the newest of each kind, so that memory does not grow
with the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from sensor.core.reader import clean
from sensor.core.record_parts import objects
from sensor.report.model import Change, HealthProblem, Period, Source
from sensor.report.period import is_time

Record = Mapping[str, Any]

CHANGES_KEPT, SUMMARIES_KEPT, HEALTH_KEPT, CLAIMED_KEPT = 20_000, 50_000, 5_000, 200_000
CLAIMED = ("type", "vendor", "model", "firmware")
# Figures in a summary, in the order of the fields of Source.
FIGURES = ("packets", "bytes", "dropped", "malformed", "truncated", "shed")
SEVERE = ("low", "medium", "high", "critical")


class _Summary(NamedTuple):
    """The figures of a run so far."""

    ts: str
    run: int
    source: str
    figures: tuple[int, ...]


class Story:
    """``until``: later records are ignored, so that the state is that of the end of a period; ``first``, ``last``: time
    range of the records.
    """

    def __init__(self, until: str = "") -> None:
        self.until, self.first, self.last, self.later = until, "", "", False
        self.sensor = self.program = ""
        self.changes: deque[Change] = deque(maxlen=CHANGES_KEPT)
        self.claims: dict[str, dict[str, Record]] = {}
        self._summaries: deque[_Summary] = deque(maxlen=SUMMARIES_KEPT)
        self._health: deque[tuple[str, str, str, str]] = deque(maxlen=HEALTH_KEPT)
        self._run = 0

    def take(self, record: Record) -> bool:
        """Process the next record of the log; False if it is not a valid record."""
        ts = record.get("ts")
        if not isinstance(ts, str) or not is_time(ts):
            return True
        if self.until and ts >= self.until:
            self.later = True
            return False
        self.first, self.last = min(self.first or ts, ts), max(self.last, ts)
        kind, action = record.get("kind"), record.get("action")
        if kind == "device":
            self._device(ts, str(action), record)
        elif kind == "sensor":
            self._of_sensor(ts, str(action), record)
        return True

    def _device(self, ts: str, action: str, record: Record) -> None:
        device = record.get("device")
        name = device.get("id") if isinstance(device, dict) else None
        if not isinstance(name, str):
            return
        if kind := _kind(action, record):
            self.changes.append(Change(ts=ts, kind=kind, device=clean(name, 64), text=_text(record.get("msg"))))
        for claim in objects(record.get("evidence")):
            if claim.get("attribute") in CLAIMED and (name in self.claims or len(self.claims) < CLAIMED_KEPT):
                known = self.claims.setdefault(name, {})
                before = known.get(claim["attribute"])
                if before is None or _sure(claim) >= _sure(before):
                    known[claim["attribute"]] = claim

    def _of_sensor(self, ts: str, action: str, record: Record) -> None:
        origin = record.get("sensor")
        if isinstance(origin, dict):
            self.sensor = " ".join(filter(None, (_text(origin.get("site")), _text(origin.get("id")))))
            self.program = _text(origin.get("version"))
        if action == "started":
            self._run += 1
        capture = record.get("capture")
        if action == "summary" and isinstance(capture, dict):
            figures = tuple(_number(capture.get(name)) for name in FIGURES)
            self._summaries.append(_Summary(ts, self._run, _text(capture.get("source")), figures))
        elif action == "health" and record.get("severity") in SEVERE:
            facts = record.get("facts")
            check = _text(facts.get("check")) if isinstance(facts, dict) else ""
            self._health.append((ts, check, str(record["severity"]), _text(record.get("msg"))))

    def sources(self, period: Period) -> list[Source]:
        """Figures of a period. Counters of a run start at its beginning: for an earlier start, the previous values are
        subtracted.
        """
        runs: dict[tuple[int, str], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        nothing = (0,) * len(FIGURES)
        for one in self._summaries:
            before, last = runs.get((one.run, one.source), (nothing, nothing))
            if one.ts < period.since:
                runs[one.run, one.source] = one.figures, one.figures
            elif one.ts <= period.until:
                runs[one.run, one.source] = before, one.figures
        sums: dict[str, tuple[int, ...]] = {}
        for (_, source), (before, last) in runs.items():
            known = sums.get(source, nothing)
            sums[source] = tuple(old + max(new - less, 0) for old, new, less in zip(known, last, before, strict=True))
        names = ("packets", "bytes", "lost", "malformed", "truncated", "unread")
        return [
            Source(name=name, **dict(zip(names, figures, strict=True)))
            for name, figures in sorted(sums.items())
            if any(figures)
        ]

    def health(self, period: Period) -> list[HealthProblem]:
        """Health events of the sensor, most severe first."""
        problems: dict[str, HealthProblem] = {}
        for ts, check, severity, text in self._health:
            if period.since <= ts <= period.until:
                known = problems.get(check)
                worst = max(severity, known.severity, key=SEVERE.index) if known else severity
                problems[check] = HealthProblem(
                    check=check, severity=worst, count=1 + (known.count if known else 0), last=ts, text=text
                )
        return sorted(problems.values(), key=lambda one: (-SEVERE.index(one.severity), one.check))


def _kind(action: str, record: Record) -> str:
    """Whether a change is reported: newly identified attributes are not, and new or gone devices are known from the
    devices themselves.
    """
    if action in {"back", "merged", "split"}:
        return action
    if action not in {"changed", "address_changed"}:
        return ""
    # A value that was empty before was identified, not changed.
    fields = {str(one.get("field")) for one in objects(record.get("changes")) if one.get("old") and one.get("new")}
    if "firmware" in fields:
        return "firmware"
    if action == "address_changed" and fields:
        return "address"
    return "other" if fields & {"type", "vendor", "model", "hostname"} else ""


def _sure(claim: Record) -> float:
    value = claim.get("confidence")
    return float(value) if isinstance(value, int | float) else 0.0


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _text(value: Any) -> str:
    return clean(value, 512) if isinstance(value, str) else ""
