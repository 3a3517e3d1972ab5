"""The time span of a report. ``7d`` and ``2026-11`` are given before the end of the log is known, and
resolved later.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sensor.report.model import Period

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MONTHS = "January February March April May June July August September October November December".split()
_TIME = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z")
EXPECTED = "expected a span such as 24h, 7d or 4w, or a month such as 2026-11"


class PeriodSpec(NamedTuple):
    """The requested period. ``since``, ``until``: times in the format of records, empty if they follow from the log;
    ``span``: before the end.
    """

    since: str = ""
    until: str = ""
    span: timedelta = timedelta()
    label: str = ""

    def resolve(self, first: str, last: str) -> Period:
        """The period. ``first``, ``last``: time range of the log."""
        until = self.until or last
        since = self.since or (text_of(moment(until) - self.span) if self.span and until else first)
        since = min(since, until)
        return Period(since=since, until=until, label=self.label or _label(since, until))


def period_spec(period: str = "", since: str = "", until: str = "") -> PeriodSpec:
    """Raises ValueError with a text if it is invalid."""
    if period and (since or until):
        raise ValueError("expected --period, or --since and --until, and not both")
    begin, end = _time("--since", since), _time("--until", until)
    if begin and end and begin >= end:
        raise ValueError(f"found --since {since} and --until {until}, expected a start before the end")
    if not period:
        return PeriodSpec(begin, end)
    if found := re.fullmatch(r"([1-9]\d{0,3})([hdw])", period):
        unit = _UNITS[found[2]]
        return PeriodSpec(span=timedelta(**{unit: int(found[1])}), label=f"the last {found[1]} {unit}")
    if found := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", period):
        return _month(int(found[1]), int(found[2]))
    raise ValueError(f"--period: found {period!r}, {EXPECTED}")


def is_time(text: object) -> bool:
    """Whether it is a time in the format of records; another program's log may have others."""
    return isinstance(text, str) and _TIME.fullmatch(text) is not None


def moment(text: str) -> datetime:
    """A time of a record."""
    return datetime.fromisoformat(text)


def text_of(when: datetime) -> str:
    """In the format of records, so that texts sort like times."""
    return f"{when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _month(year: int, month: int) -> PeriodSpec:
    try:
        begin = datetime(year, month, 1, tzinfo=UTC)
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"--period: found '{year:04}-{month:02}', {EXPECTED}") from None
    return PeriodSpec(text_of(begin), text_of(end), label=f"{_MONTHS[month - 1]} {year}")


def _label(since: str, until: str) -> str:
    """``24 November 2026, 08:00 to 08:19``, ``20 November to 24 November 2026``."""
    if not since or not until:
        return "no data"
    begin, end = moment(since), moment(until)
    if begin.date() == end.date():
        return f"{_day(begin)} {begin.year}, {begin:%H:%M} to {end:%H:%M}"
    year = f" {begin.year}" if begin.year != end.year else ""
    return f"{_day(begin)}{year} to {_day(end)} {end.year}"


def _day(when: datetime) -> str:
    return f"{when.day} {_MONTHS[when.month - 1]}"


def _time(flag: str, text: str) -> str:
    """A day or a time in ISO 8601, UTC if it has no zone."""
    if not text:
        return ""
    try:
        when = datetime.fromisoformat(text)
        return text_of(when.replace(tzinfo=when.tzinfo or UTC))
    except (ValueError, OverflowError):
        raise ValueError(f"found {flag} {text}, expected a day or a time such as 2026-11-24T09:00") from None
