"""Times as users write them: a time span before now, or an ISO 8601 time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.time_units import SECOND

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
EXPECTED = "a span such as 90s, 15m, 24h or 7d, or a time such as 2026-11-24T09:00 (UTC)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Start of the calendar, ns.
FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1000
_SPAN = lazy_pattern(r"(\d{1,6})([smhdw])", re.ASCII)


def span_of(text: str) -> int:
    """``7d`` as ns. Raises ValueError for any other notation."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a span")
    return int(found[1]) * UNITS[found[2]] * SECOND


def moment_of(text: str, now: int) -> int:
    """A time span before ``now``, or a day or time (UTC unless it names a zone), as ns since the epoch. Raises
    ValueError for any other text, and for times before the start of the calendar.
    """
    if _SPAN.fullmatch(text):
        found = now - span_of(text)
    else:
        when = datetime.fromisoformat(text)
        since = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH
        found = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000
    if found < FIRST:
        raise ValueError(f"{text!r} is before the year 1")
    return found
