"""Times in URLs, and ages."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sensor.core import moments
from sensor.core.moments import EXPECTED
from sensor.core.phrases import counted
from sensor.views.errors import Malformed


def moment_of(name: str, text: str, now: int) -> int:
    """The time in a URL parameter, ns since the epoch; a span counts back from ``now``. Raises Malformed."""
    try:
        return moments.moment_of(text, now)
    except (ValueError, OverflowError):
        raise Malformed(name, text, EXPECTED) from None


def now_ns() -> int:
    return time.time_ns()


def parsed(text: str) -> datetime | None:
    """A time of a record, in UTC; None if it is invalid."""
    try:
        when = datetime.fromisoformat(text)
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age_text(then: datetime, now: datetime) -> str:
    """The age in its largest unit: ``4 days ago``."""
    seconds = int((now - then).total_seconds())
    if seconds < 0:
        return "in the future"
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{counted(count, name)} ago"
    return "just now"
