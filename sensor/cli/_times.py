"""Times for users: in UTC, or in the requested zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sensor.core import moments
from sensor.core.foreign import tidy
from sensor.core.time_units import SECOND

# The zone of printed times; None: UTC.
_ZONE: list[tzinfo | None] = [None]


def use_zone(zone: tzinfo | None) -> None:
    """Set the zone of printed times; None: UTC."""
    _ZONE[0] = zone


def zone_name() -> str:
    """Header of a time column."""
    return str(_ZONE[0] or "UTC")


def clock(value: Any) -> str:
    """A time of a record to the second, as one word: in UTC, or local with its offset."""
    text, zone = tidy(value), _ZONE[0]
    if zone is not None:
        try:
            return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="seconds")
        except ValueError:
            return text
    return f"{text[:19]}Z" if len(text) > 19 else text


def span_text(first: str, last: str) -> str:
    """``2026-11-24 08:00 to 08:20 UTC``, whole minutes that contain all of it; and the same in the requested zone."""
    try:
        begin, end = (datetime.fromisoformat(text).astimezone(UTC) for text in (first, last))
        end += timedelta(minutes=1, microseconds=-1)
    except ValueError:
        return "time span unknown"
    text, zone = f"{_from_to(begin, end)} UTC", _ZONE[0]
    return text if zone is None else f"{text} ({_from_to(begin.astimezone(zone), end.astimezone(zone))} {zone})"


def _from_to(begin: datetime, end: datetime) -> str:
    return (
        f"{begin:%Y-%m-%d %H:%M} to {end:%H:%M}"
        if begin.date() == end.date()
        else f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    )


def age(seconds: float) -> str:
    """A span in its largest unit."""
    seconds = max(0, int(seconds))
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def moment_of(since: str, now: float) -> str:
    """A time entered by a user, in the format of records. ``now``: seconds since the epoch; empty if it is invalid."""
    from sensor.core.record_parts import time_text

    try:
        return time_text(moments.moment_of(since, int(now * SECOND)))
    except (ValueError, OverflowError):
        return ""
