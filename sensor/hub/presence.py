"""When a device was where a sensor listens, as intervals: from its first event to when it was seen last before it was
gone. What comes after that begins another interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

# Clocks of two sensors, and the time until a device that left is no longer listed.
TOLERANCE = timedelta(minutes=10)


class Seen(NamedTuple):
    """One event of a device. ``last``: when it was seen last."""

    at: datetime
    last: datetime
    gone: bool


class Interval(NamedTuple):
    """``ends``: when it was certainly still there."""

    begins: datetime
    ends: datetime


def intervals(events: Iterable[Seen]) -> list[Interval]:
    """In their order."""
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
    """The first time at which a device is in both for longer than the tolerance; None: at no time."""
    others = list(other)
    for first in one:
        for second in others:
            both = Interval(max(first.begins, second.begins), min(first.ends, second.ends))
            if both.ends - both.begins > TOLERANCE:
                return both
    return None
