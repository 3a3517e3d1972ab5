"""Missing flows: a backup that did not run, a channel that became silent; similar benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import START, Story, detector, in_time, one

BACKUP, SILENT = "device.backup_missed", "device.silent_channel"
HOUR, DAY = 3600, 86_400
CLIENT, SERVER, OTHER = "10.0.0.66", "10.0.0.5", "10.0.0.9"
MB = 10_000  # packets of 100 bytes


def backups(
    days: list[int], *, hour: float = 2, jitter: float = 0, megabytes: int = 500, server: str = SERVER, until: int = 12
) -> Story:
    """A large flow on each of these days, and a small flow every hour until the last."""
    story = Story()
    for at, day in enumerate(days):
        story.flow(
            day * DAY + (hour + jitter * (at % 3)) * HOUR,
            CLIENT,
            server,
            445,
            answered=True,
            ended=1800,
            packets=(megabytes * MB, 100),
        )
    for n in range(until * 24):
        story.flow(n * HOUR, OTHER, "10.0.0.1", 53, proto=17)
    return story


def test_a_backup_that_did_not_come() -> None:
    """An alert is raised when the longest interval is exceeded by a fifth and an hour."""
    alert = one(in_time(BACKUP, backups([0, 1, 2, 3, 4, 5])))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(CLIENT),
        parse(SERVER),
        Severity.low,
    )
    assert alert.numbers["threshold"] == 29.8
    assert 29.8 <= alert.numbers["hours"] < 31
    assert alert.ts > START + 6 * DAY * 10**9 > alert.first


def test_a_backup_around_midnight_is_one_as_well() -> None:
    assert one(in_time(BACKUP, backups([0, 1, 2, 3, 4, 5], hour=1.68, jitter=0.1)))


@pytest.mark.parametrize(
    "story",
    [
        backups([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        backups([0, 1, 4, 5, 6, 7, 8], until=10),
        backups([0, 1, 2], until=8),
        backups([0, 1, 2, 3, 4, 5], jitter=3),
        backups([0, 1, 2, 3, 4, 5], megabytes=20),
        backups([0, 1, 2, 3, 4, 5], server="203.0.113.9"),
    ],
)
def test_what_is_no_missed_backup_is_quiet(story: Story) -> None:
    """A regular or weekday backup, a short baseline, irregular or small flows, and an external server are quiet."""
    assert in_time(BACKUP, story) == []


def test_a_missed_backup_is_reported_once_until_it_comes_again() -> None:
    assert len(in_time(BACKUP, backups([0, 1, 2, 3, 4, 5], until=30))) == 1


def channel(
    minutes: int, *, every: int = 5, other: bool = True, until: int = 0, pause: tuple[int, int] = (0, 0)
) -> Story:
    """A client that connects to its server every few minutes, and to another server for longer."""
    story = Story()
    for minute in range(0, minutes, every):
        if not pause[0] <= minute < pause[1]:
            story.flow(minute * 60, CLIENT, SERVER, 443, answered=True)
    for minute in range(0, until or minutes, 20):
        story.flow(minute * 60 + 7, CLIENT if other else OTHER, "10.0.0.1", 80, answered=True)
    return story


def test_a_channel_that_fell_silent() -> None:
    """Three times the longest interval raises an alert while the client still uses another server."""
    alert = one(in_time(SILENT, channel(3000, until=3200), learn_h=24))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(CLIENT),
        parse(SERVER),
        Severity.low,
    )
    assert (alert.numbers["threshold"], alert.numbers["silent_s"]) == (900, 2707)
    assert alert.ts > alert.first


@pytest.mark.parametrize(
    "story",
    [
        channel(3000),
        channel(1000, until=3000),
        channel(3000, other=False, until=3400),
        channel(3000, pause=(1000, 1400), until=3200),
        channel(3000, every=60, until=3400),
    ],
)
def test_what_is_no_silence_is_quiet(story: Story) -> None:
    """A continuing channel, too short a baseline, a host that is off, an earlier pause of the same length, and too few
    flows raise no alert.
    """
    assert in_time(SILENT, story, learn_h=24) == []


def test_silence_is_off_by_default_and_reported_once() -> None:
    assert not detector(SILENT).options.enabled
    assert len(in_time(SILENT, channel(3000, until=6000), learn_h=24)) == 1
