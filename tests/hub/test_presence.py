"""Presence of a device: intervals from events, and two sites at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sensor.hub.presence import Interval, Seen, intervals, overlap

DAY = datetime(2026, 11, 24, tzinfo=UTC)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def event(hours: float, last: float | None = None, *, gone: bool = False) -> Seen:
    return Seen(at(hours), at(hours if last is None else last), gone)


def test_a_device_that_leaves_and_returns() -> None:
    """It is reported gone a day later; the interval ends at the last observation. Events may arrive in any order."""
    story = [event(8), event(10), event(36, 12, gone=True), event(50), event(51)]
    expected = [Interval(at(8), at(12)), Interval(at(50), at(51))]
    assert intervals(story) == intervals(story[::-1]) == expected


def test_without_events_nothing_is_known() -> None:
    assert intervals([]) == []
    assert intervals([event(30, 6, gone=True)]) == []


def test_a_laptop_that_travels_is_at_one_site_at_a_time() -> None:
    """A laptop is not at both sites, although the first reports it gone a day later; a clone is at both."""
    first = intervals([event(8), event(36, 12, gone=True)])
    assert overlap(first, intervals([event(13), event(18)])) is None
    assert overlap(first, intervals([event(11.9), event(18)])) is None
    assert overlap(first, intervals([event(9), event(18)])) == Interval(at(9), at(12))
