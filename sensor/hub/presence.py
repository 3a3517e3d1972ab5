"""Presence of a device at a sensor as intervals: from its first event to the last sighting before it was gone. A later
event begins a new interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

# Tolerance for clock differences of two sensors, and for the delay until an absent device is reported as gone.
TOLERANCE = timedelta(minutes=10)


class Seen(NamedTuple):
    """One event of a device. ``last``: time of the last sighting."""

    at: datetime
    last: datetime
    gone: bool


class Interval(NamedTuple):
    """``ends``: last time at which it was certainly present."""

    begins: datetime
    ends: datetime


def intervals(events: Iterable[Seen]) -> list[Interval]:
    """Intervals in chronological order."""
    found: list[Interval] = []
    is_open = False
    for event in sorted(events):
        if is_open:
            before = found.pop()
            found.append(Interval(before.begins, max(before.ends, event.last)))
        elif not event.gone:
            found.append(Interval(min(event.at, event.last), event.last))
        is_open = not event.gone
    return found


def overlap(one: Iterable[Interval], other: Iterable[Interval]) -> Interval | None:
    """The first time for which a device is in both for longer than the tolerance; None if there is none."""
    others = list(other)
    for first in one:
        for second in others:
            both = Interval(max(first.begins, second.begins), min(first.ends, second.ends))
            if both.ends - both.begins > TOLERANCE:
                return both
    return None
