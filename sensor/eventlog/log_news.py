"""Findings of the event log about itself: damage, truncation for lack of disk space, recovery after a write failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sensor.eventlog.retention import Shortened

SHOWN = 16


class LogFinding(NamedTuple):
    """A message of the log about itself, as a finding of the sensor's health."""

    check: str
    ts: int
    severity: str
    msg: str
    facts: dict[str, Any]


def damaged(now: int, damages: Sequence[object]) -> Iterator[LogFinding]:
    """``now``: ns. Yields nothing if there is no damage."""
    if damages:
        msg = f"{len(damages):,} places of the event log are damaged: {damages[0]}"
        facts = {"count": len(damages), "damages": [str(one) for one in damages[:SHOWN]]}
        yield LogFinding("sensor.log_damaged", now, "medium", msg, facts)


def shortened(now: int, gone: Sequence[Shortened]) -> LogFinding:
    """Segments that outputs still needed were removed (``gone``)."""
    count = sum(one.records for one in gone)
    msg = (
        f"the disk limit of the event log is reached: {count:,} records were removed before every output received them"
    )
    facts = {"first_seq": gone[0].first, "last_seq": gone[-1].last, "count": count}
    return LogFinding("sensor.log_shortened", now, "high", msg, facts)


def resumed(now: int, reason: str, stalled_s: float, lost: Counter[str]) -> LogFinding:
    """``reason``: why writing failed; ``lost``: dropped records by kind."""
    given_up = f"{lost.total():,} records were dropped" if lost else "no records were dropped"
    facts = {"reason": reason, "stalled_s": round(stalled_s, 1), "count": lost.total(), "given_up": dict(lost)}
    msg = f"the event log is written again after: {reason}; {given_up}"
    return LogFinding("sensor.log_resumed", now, "high" if lost else "low", msg, facts)
