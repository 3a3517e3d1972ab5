"""Times: as URLs name them, and how old something is."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from sensor.views.errors import Malformed

SECOND = 1_000_000_000
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
EXPECTED = "a span such as 90s, 15m, 24h or 7d, or a time such as 2026-11-24T09:00 (UTC)"


def moment_of(name: str, text: str, now: int) -> int:
    """Nanoseconds since the epoch, of a span before ``now`` or a time of ISO 8601, in UTC where it names no zone.
    Malformed.
    """
    if found := re.fullmatch(r"(\d{1,6})([smhdw])", text, re.ASCII):
        return now - int(found[1]) * UNITS[found[2]] * SECOND
    try:
        when = datetime.fromisoformat(text)
        when = when.replace(tzinfo=when.tzinfo or UTC)
        return int(when.timestamp()) * SECOND + when.microsecond * 1000
    except (ValueError, OverflowError):
        raise Malformed(name, text, EXPECTED) from None


def now_ns() -> int:
    return time.time_ns()


def parsed(text: str) -> datetime | None:
    """A time of a record, in UTC; None where it is none."""
    try:
        when = datetime.fromisoformat(text)
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age_text(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit: ``4 days ago``."""
    seconds = int((now - then).total_seconds())
    if seconds < 0:
        return "in the future"
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {name}{'s' if count != 1 else ''} ago"
    return "just now"
