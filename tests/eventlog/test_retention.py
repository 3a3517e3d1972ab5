"""Closed segments are compressed without a gap for readers, verified, and removed when no output needs them or space is
short.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from sensor.config import load_config
from sensor.documents import DocumentErrors
from sensor.eventlog.cursors import EVERYTHING, cursor, delivered, furthest, unreadable
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.retention import Retention
from sensor.eventlog.segments import cursors_of, segments
from tests.golden import Golden
from tests.reliability.live_logs import TS, numbers, open_log, record
from tests.waiting import until

NOW = 1_795_511_647.0
DAY = 86_400.0


def make(path: Path, parts: int = 5, records: int = 20, size: int = 1000) -> None:
    """A log of so many segments, none of the closed ones processed."""
    log = open_log(path, segment_mib=records * (size + 200) / (1 << 20))
    log._retention.close()
    number = 0
    while len(segments(path)) < parts:
        log.write(record(number, size=size))
        if number % max(1, records // 20) == 0:
            assert log.sync()  # else a slow writer would create more segments than requested
        number += 1
    log.close()


def retention(
    path: Path,
    *outputs: str,
    size: int = 1 << 40,
    hard: int = 1 << 41,
    age_s: float = 30 * DAY,
    messages: list[str] | None = None,
) -> Retention:
    return Retention(
        path,
        size=size,
        hard=hard,
        age_s=age_s,
        outputs=outputs,
        clock=lambda: NOW,
        complain=(messages if messages is not None else []).append,
    )


def at(path: Path, output: str, seq: int) -> None:
    """Set the position of an output."""
    cursors_of(path).mkdir(exist_ok=True)
    (cursors_of(path) / f"{output}.json").write_text(json.dumps({"seq": seq, "alerts": seq}))


def aged(path: Path, days: float) -> None:
    """Segments were closed one a day, the last one so many days ago; the current one is new."""
    *closed, current = segments(path)
    os.utime(current.path, (NOW, NOW))
    for day, segment in enumerate(reversed(closed)):
        written(segment.path, days + day)


def written(path: Path, days: float) -> None:
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


def total(path: Path) -> int:
    return sum(segment.path.stat().st_size for segment in segments(path))


def test_closed_segments_are_compressed_and_the_current_one_is_not(tmp_path: Path) -> None:
    """They take much less space, keep their modification time and mode, and their lines are unchanged."""
    path = tmp_path / "events.jsonl"
    make(path)
    segments(path)[0].path.chmod(0o604)
    modes = [one.path.stat().st_mode for one in segments(path)]
    before, bytes_before = numbers(path), total(path)
    aged(path, 3)
    retention(path).tidy()
    there = segments(path)
    assert [segment.compressed for segment in there] == [True] * 4 + [False]
    assert not [left for left in there[0].path.parent.iterdir() if left.suffix == ".new"]
    assert numbers(path) == before
    assert total(path) < bytes_before / 2
    assert there[0].path.stat().st_mtime == NOW - 6 * DAY
    assert [one.path.stat().st_mode for one in there] == modes


def test_a_reader_never_finds_a_segment_missing(tmp_path: Path) -> None:
    """A reader reads all segments again and again while they are compressed one by one."""
    path = tmp_path / "events.jsonl"
    make(path, parts=6)
    before = numbers(path)
    ready, ended = threading.Event(), threading.Event()
    found: list[list[int]] = []

    def read() -> None:
        while not ended.is_set():
            found.append(numbers(path))
            ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert ready.wait(120)
    retention(path).tidy()
    ended.set()
    reader.join(10)
    assert all(one == before for one in found)


def test_a_damage_costs_one_frame(tmp_path: Path) -> None:
    """A compressed segment consists of many frames that are decompressed separately."""
    path = tmp_path / "events.jsonl"
    make(path, parts=2, records=1000, size=1000)
    retention(path).tidy()
    first = segments(path)[0].path
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 0x10
    first.write_bytes(data)
    reader = LogCursor(path)
    kept = 0
    while lines := reader.read():
        kept += len(lines)
    reader.close()
    assert reader.damaged
    assert 0 < reader.missing <= 2 * (1 << 17) // 1000
    assert kept > 500


def test_a_crash_between_two_steps_is_fixed(tmp_path: Path) -> None:
    """Both files exist, the compressed one may be truncated: it is created again from the plain one."""
    path = tmp_path / "events.jsonl"
    make(path, parts=2)
    before = numbers(path)
    first = segments(path)[0].path
    first.with_name(first.name + ".zst").write_bytes(b"half of it")
    assert numbers(path) == before
    retention(path).tidy()
    assert segments(path)[0].compressed
    assert numbers(path) == before


def test_old_segments_go_and_the_current_one_stays(tmp_path: Path) -> None:
    """Segments are removed by modification time; without outputs there is no wait."""
    path = tmp_path / "events.jsonl"
    make(path)
    aged(path, 1)
    there = segments(path)
    retention(path, age_s=4.5 * DAY).tidy()
    assert len(segments(path)) == 5
    keeper = retention(path, age_s=2.5 * DAY)
    keeper.tidy()
    assert [one.first for one in segments(path)] == [one.first for one in there[2:]]
    retention(path, age_s=DAY / 2).tidy()
    assert [segment.path.name for segment in segments(path)] == [path.readlink().name]
    assert keeper.shortened == []


@pytest.mark.parametrize("years", [1, -1])
def test_a_clock_that_jumps_makes_nothing_old(tmp_path: Path, years: int) -> None:
    """Recent segments are kept whether the clock was wrong before the jump or is wrong now; old ones are removed as
    usual.
    """
    path = tmp_path / "events.jsonl"
    make(path)
    there = segments(path)
    for segment, days in zip(there, (3, 2, 1, 0, 0), strict=True):
        written(segment.path, days + (years * 365 if days else 0))
    retention(path, age_s=30 * DAY).tidy()
    assert [one.first for one in segments(path)] == [one.first for one in there]
    retention(path, age_s=3.5 * DAY).tidy()
    assert len(segments(path)) == (4 if years > 0 else 5)


def test_too_much_is_made_less_oldest_first(tmp_path: Path) -> None:
    """No more segments are removed than needed to stay below the maximum size."""
    path = tmp_path / "events.jsonl"
    make(path)
    retention(path).tidy()
    there = segments(path)
    keeper = retention(path, size=total(path) - there[0].path.stat().st_size - 1)
    keeper.tidy()
    assert segments(path) == there[2:]
    assert keeper.shortened == []


@pytest.mark.parametrize("why", ["age", "size"])
def test_no_segment_goes_before_every_output_has_it(tmp_path: Path, why: str) -> None:
    """The slowest output counts; one that never delivered is at zero; one removed from the configuration does not
    count.
    """
    path = tmp_path / "events.jsonl"
    make(path)
    there = segments(path)
    aged(path, 1)
    limits = {"size": 0} if why == "size" else {"age_s": DAY / 2}
    at(path, "fast", 10_000)
    retention(path, "fast", "slow", **limits).tidy()
    assert [one.first for one in segments(path)] == [one.first for one in there]
    at(path, "slow", there[2].first - 2)
    retention(path, "fast", "slow", **limits).tidy()
    assert [one.first for one in segments(path)] == [one.first for one in there[1:]]
    at(path, "slow", there[2].first - 1)
    retention(path, "fast", "slow", **limits).tidy()
    assert [one.first for one in segments(path)] == [one.first for one in there[2:]]
    retention(path, "fast", **limits).tidy()
    assert [one.first for one in segments(path)] == [there[4].first]


def test_at_the_hard_limit_the_oldest_go_and_that_is_reported(tmp_path: Path) -> None:
    """The oldest are removed so that the disk does not fill; the loss is reported, counted from the slowest output."""
    path = tmp_path / "events.jsonl"
    log = open_log(path, segment_mib=20 / 1024, hard_mib=0, size_mib=0)
    log._retention._outputs = ("slow",)
    at(path, "slow", 5)
    number = 0
    while len(segments(path)) < 2 and not log._retention.shortened:
        log.write(record(number, size=1000))
        assert log.sync()
        number += 1
    until(lambda: log._retention.shortened)
    until(lambda: len(segments(path)) == 1)
    last = segments(path)[0].first - 1
    until(lambda: any(one.last == last for one in log._retention.shortened))  # reported after the segment was deleted
    (news,) = log.news(TS)
    log.close()
    first = segments(path)[0].first
    assert (news.check, news.severity) == ("sensor.log_shortened", "high")
    assert news.facts == {"first_seq": 6, "last_seq": first - 1, "count": first - 6}
    assert log.shortened == first - 6
    assert list(log.news(TS)) == []


def test_a_fault_puts_it_off_and_is_reported_once(golden: Golden, tmp_path: Path) -> None:
    """A full disk or an I/O error loses no segment."""
    path, messages = tmp_path / "events.jsonl", list[str]()
    make(path, parts=3)
    before = numbers(path)
    blocked = segments(path)[0].path.with_suffix(".new")
    blocked.mkdir()
    (blocked / "within").write_text("")
    keeper = retention(path, messages=messages)
    for _ in range(3):
        keeper.tidy()
    assert len(messages) == 1
    golden(messages[0].partition(": ")[0])
    assert numbers(path) == before
    (blocked / "within").unlink()
    blocked.rmdir()
    keeper.tidy()
    assert segments(path)[0].compressed


def test_older_segments_are_looked_through_while_the_sensor_runs(tmp_path: Path) -> None:
    """Damaged lines are reported by segment and line, and missing numbers between segments as well."""
    path = tmp_path / "events.jsonl"
    make(path)
    there = segments(path)
    there[1].path.unlink()
    lines = there[2].path.read_bytes().splitlines(keepends=True)
    there[2].path.write_bytes(b"".join([*lines[:3], b"\0" * (len(lines[3]) - 1), b"\n", *lines[4:]]))
    log = open_log(path)
    assert log.damages == []
    log.write(record(0))
    until(lambda: len(log._retention.damages) == 3)
    (news,) = log.news(TS)
    log.close()
    assert news.check == "sensor.log_damaged"
    assert [damage.replace(".zst", "") for damage in news.facts["damages"]] == [
        f"{there[0].path.name}:0: records {there[1].first:,} to {there[2].first - 1:,} are missing",
        f"{there[2].path.name}:0: records {there[2].first + 3:,} to {there[2].first + 3:,} are missing",
        f"{there[2].path.name}:4: no record",
    ]


def test_what_cursors_report(tmp_path: Path) -> None:
    """A cursor that is absent, damaged, or has a wrong checksum is at zero; status files are no cursors."""
    path = tmp_path / "events.jsonl"
    assert (delivered(path, []), delivered(path, ["a"]), furthest(path), unreadable(path)) == (EVERYTHING, 0, 0, [])
    at(path, "a", 7)
    at(path, "b", 9)
    assert (delivered(path, ["a", "b"]), cursor(path, "b"), furthest(path)) == (7, 9, 9)
    (cursors_of(path) / "b.status.json").write_text('{"seq": 99}')
    (cursors_of(path) / "c.json").write_text('{"seq":12,"check":"00000000"}')
    (cursors_of(path) / "d.json").write_text('{"seq":-1}')
    (cursors_of(path) / "e.json").write_bytes(b"\0\0\0")
    assert (furthest(path), cursor(path, "c")) == (9, 0)
    assert unreadable(path) == ["c.json", "d.json", "e.json"]


def test_an_end_does_not_wait_for_a_segment_to_be_compressed(tmp_path: Path) -> None:
    """At shutdown no compression is started: the segment is unchanged."""
    path = tmp_path / "events.jsonl"
    make(path, parts=2)
    keeper = retention(path)
    keeper.close()
    keeper.tidy()
    assert not segments(path)[0].compressed


def test_a_beginning_that_a_user_took_away_is_reported(tmp_path: Path) -> None:
    """Removal by retention is no loss; removal by others is reported."""
    path = tmp_path / "events.jsonl"
    make(path)
    there = segments(path)
    keeper = retention(path, size=total(path) - 1)
    list(keeper.look(0))
    keeper._shorten()
    list(keeper.look(0))
    assert keeper.damages == []
    there[1].path.unlink()
    list(keeper.look(0))
    (damage,) = keeper.damages
    assert str(damage).startswith(f"{there[2].path.name}:0: ")
    assert f" {there[1].first:,} to {there[2].first - 1:,}" in str(damage)


def test_limits_that_contradict_each_other(tmp_path: Path) -> None:
    """The error names the option and the effect."""
    path = tmp_path / "sensor.yaml"
    path.write_text("retention:\n  size_mib: 100\n  hard_mib: 50\n")
    with pytest.raises(DocumentErrors, match=r"sensor\.yaml:2:3: hard_mib \(50\).*size_mib \(100\)"):
        load_config(path)
    path.write_text("retention: {size_mib: 100, age_days: 7, commit_ms: 50}\n")
    assert load_config(path).retention.age_days == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_all_of_a_log_belongs_to_what_its_folder_does(tmp_path: Path) -> None:
    """A sensor started as root that drops to another user can begin and remove segments."""
    home = tmp_path / "state"
    home.mkdir()
    os.chown(home, 65534, 65534)
    path = home / "events.jsonl"
    make(path, parts=3)
    retention(path).tidy()
    folder = segments(path)[0].path.parent
    assert {one.stat().st_uid for one in [folder, *folder.iterdir()]} == {65534}
