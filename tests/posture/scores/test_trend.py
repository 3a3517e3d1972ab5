"""Scores of each day: what is stored, for how long, and how damaged files are handled."""

from __future__ import annotations

import stat
from datetime import date, timedelta
from pathlib import Path

import pytest

from sensor.core.alert import Severity
from sensor.posture.scores import trend
from sensor.posture.scores.exposure import exposures
from sensor.posture.scores.trend import DAMAGED, DAYS_LIMIT, FILE, SEGMENTS_LIMIT, Day, day_of, keep, read
from tests.posture.scores.sites import NOW, node, site, weakness


def day(text: str, points: float = 50.0, at: str = "09:00:00Z") -> Day:
    return Day(text, f"{text}T{at}", points, {"high": 1}, {"critical": 2}, {"vlan 1": points})


def test_figures_of_a_day() -> None:
    """By the site's time: its score, devices by band, weaknesses by severity, segments; devices that are gone do not
    count, undetermined weaknesses are separate.
    """
    weak = [
        weakness("dev-1", "CVE-1", 60.0, severity=Severity.critical),
        weakness("dev-2", "telnet", 30.0),
        weakness("dev-3", "telnet", 30.0),
    ]
    weak.append(weakness("dev-2", "CVE-2", 10.0)._replace(sure=False))
    some = site([node(1), node(2), node(3, gone=True)], weak)
    assert day_of(some, exposures(some)) == Day(
        "2026-11-24",
        NOW,
        60.0,
        {"high": 1, "medium": 1, "low": 0},
        {"critical": 1, "high": 0, "medium": 1, "low": 0, "info": 0},
        {"10.0.0.0/24": 60.0},
        1,
    )


def test_a_time_that_is_none() -> None:
    """An invalid time, as a log of another program may contain, raises an error."""
    some = site([node(1)], now="yesterday")
    with pytest.raises(ValueError, match="yesterday"):
        day_of(some, exposures(some))


def test_the_newest_of_a_day_stands(tmp_path: Path) -> None:
    """Days are sorted whatever the order of writing; older figures of a day do not replace newer ones."""
    for one in (
        day("2026-11-25"),
        day("2026-11-24", 10.0),
        day("2026-11-24", 30.0, "18:00:00Z"),
        day("2026-11-24", 20.0, "12:00:00Z"),
    ):
        keep(tmp_path, one)
    assert [(one.day, one.points) for one in read(tmp_path).days] == [("2026-11-24", 30.0), ("2026-11-25", 50.0)]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_ten_years_are_kept(tmp_path: Path) -> None:
    """The oldest day is dropped."""
    first = date(2016, 1, 1)
    lines = [f"{first + timedelta(days=number)}" for number in range(DAYS_LIMIT)]
    (tmp_path / FILE).write_text("".join(trend.msgspec.json.encode(day(one)).decode() + "\n" for one in lines))
    keep(tmp_path, day("2026-11-24"))
    kept = read(tmp_path).days
    assert (len(kept), kept[0].day, kept[-1].day) == (DAYS_LIMIT, "2016-01-02", "2026-11-24")


def test_the_worst_of_many_segments_are_kept() -> None:
    """The length of a line is bounded."""
    nodes = [node(number, segment=f"vlan {number}") for number in range(300)]
    some = site(nodes, [weakness(f"dev-{number}", "telnet", number / 10) for number in range(300)])
    kept = day_of(some, exposures(some)).segments
    assert len(kept) == SEGMENTS_LIMIT
    assert min(kept.values()) == 20.0


def test_a_broken_line_is_counted_and_named(tmp_path: Path) -> None:
    """The other lines are read; when the file is rewritten, a copy of the damaged one is kept."""
    good, path = trend.msgspec.json.encode(day("2026-11-24")), tmp_path / FILE
    broken = [
        b"{",
        b"7",
        good.replace(b"50.0", b"500.0"),
        good.replace(b"2026-11-24", b"2026-13-24"),
        good.replace(b"{", b'{"x":"' + b"x" * 70_000 + b'",', 1),
        b"\xff",
    ]
    path.write_bytes(b"\n".join([*broken, good, b""]))
    history = read(tmp_path)
    assert [one.day for one in history.days] == ["2026-11-24"]
    assert history.broken == len(broken) + 1  # the long one is read in two chunks
    assert history.fault.startswith("line 1: ")
    before = path.read_bytes()
    keep(tmp_path, day("2026-11-25"))
    assert (tmp_path / DAMAGED).read_bytes() == before
    assert (len(read(tmp_path).days), read(tmp_path).broken) == (2, 0)


def test_nothing_was_kept_yet(tmp_path: Path) -> None:
    assert read(tmp_path) == ((), 0, "")


def test_a_disk_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed write leaves no other file behind."""
    keep(tmp_path, day("2026-11-24"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trend.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path, day("2026-11-25"))
    assert [one.day for one in read(tmp_path).days] == ["2026-11-24"]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
