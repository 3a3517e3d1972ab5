"""The log of a live run: segments behind a link, numbers over restarts, and records synced in time."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sensor.eventlog.segments import folder_of, segments
from sensor.eventlog.writer import EventLog
from tests.golden import Golden
from tests.reliability.live_logs import TS, BadDisk, numbers, open_log, record, texts
from tests.waiting import until

SMALL = 8 / 1024


def write(path: Path, *which: int) -> None:
    log = open_log(path)
    for number in which:
        log.write(record(number))
    log.close()


def test_the_name_of_the_log_is_a_link_to_the_segment_being_written(tmp_path: Path) -> None:
    """The link lets tail -F work; missing folders are created."""
    path = tmp_path / "state" / "events.jsonl"
    write(path, 1, 2, 3)
    assert path.readlink() == Path("events.segments/00000000000000000001.jsonl")
    assert [json.loads(line)["sensor"]["seq"] for line in path.read_bytes().splitlines()] == [1, 2, 3]


def test_a_log_is_there_before_its_first_record(tmp_path: Path) -> None:
    """Readers find the log at once, and a run without records leaves no partial file."""
    log = open_log(tmp_path / "events.jsonl")
    assert (tmp_path / "events.jsonl").is_file()
    log.close()
    log.close()
    write(tmp_path / "events.jsonl", 1)
    assert numbers(tmp_path / "events.jsonl") == [1]
    assert len(segments(tmp_path / "events.jsonl")) == 1


def test_records_that_are_gone_are_reported_with_their_numbers(tmp_path: Path) -> None:
    """The file lost its end: its numbers are not used again, and the next run names them."""
    path = tmp_path / "events.jsonl"
    write(path, *range(1, 7))
    [segment] = segments(path)
    lines = segment.path.read_bytes().splitlines(keepends=True)
    segment.path.write_bytes(b"".join(lines[:3]))
    log = open_log(path)
    [damage] = log.damages
    assert (damage.segment, re.findall(r"\d+", damage.reason)) == (segment.path.name, ["4", "6"])
    log.write(record(7))
    log.close()
    assert numbers(path) == [1, 2, 3, 7]


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    """Numbers are consecutive over three runs in one segment: a restart does not rotate."""
    for _ in range(3):
        write(tmp_path / "events.jsonl", 1, 2, 3)
    assert numbers(tmp_path / "events.jsonl") == list(range(1, 10))
    assert len(segments(tmp_path / "events.jsonl")) == 1


def test_segments_are_named_by_their_first_number_and_follow_each_other(tmp_path: Path) -> None:
    """Over many small segments no number is missing, repeated, or in a segment of another name."""
    path = tmp_path / "events.jsonl"
    log = open_log(path, segment_mib=SMALL)
    for number in range(1, 301):
        log.write(record(number))
        if number % 10 == 0:
            assert log.sync()
    log.close()
    there = segments(path)
    assert len(there) > 5
    assert numbers(path) == list(range(1, 301))
    assert texts(path) == [f"number {number}" for number in range(1, 301)]
    assert path.readlink().name == there[-1].path.name
    assert log.written == 300


def test_a_segment_ends_by_its_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of a quiet network is compressed and removed as well."""
    path, now = tmp_path / "events.jsonl", [1000.0]
    monkeypatch.setattr("sensor.eventlog.appender.time", SimpleNamespace(monotonic=lambda: now[0]))
    log = open_log(path, segment_h=1)
    for number in (1, 2):
        log.write(record(number))
        assert log.sync()
        now[0] += 3600
    log.close()
    assert [segment.first for segment in segments(path)] == [1, 2]


def test_a_log_of_an_earlier_version_becomes_the_first_segment(tmp_path: Path) -> None:
    """Its records are kept, and the numbers continue."""
    path = tmp_path / "events.jsonl"
    old = EventLog(path)
    for number in (1, 2, 3):
        old.write(record(number))
    old.close()
    before = path.read_bytes()
    write(path, 4)
    assert path.is_symlink()
    assert path.read_bytes().startswith(before)
    assert numbers(path) == [1, 2, 3, 4]


def test_a_plain_log_beside_segments_is_set_aside(golden: Golden, tmp_path: Path) -> None:
    """An earlier version ran in between and assigned the same numbers: its log is renamed, and this is reported."""
    path = tmp_path / "events.jsonl"
    write(path, 1, 2)
    path.unlink()
    old = EventLog(path)
    old.write(record(7))
    old.close()
    log = open_log(path)
    log.write(record(3))
    log.close()
    assert texts(path) == ["number 1", "number 2", "number 3"]
    assert b"number 7" in (tmp_path / "events.1.jsonl").read_bytes()
    golden([str(damage) for damage in log.damages])


@pytest.mark.parametrize("keep", [1, 5, 40, -1])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, keep: int) -> None:
    """A partial line after a crash is truncated and counted; it was never acknowledged, so that its number is assigned
    again.
    """
    path = tmp_path / "events.jsonl"
    write(path, 1, 2, 3)
    torn = path.read_bytes().splitlines()[-1][:keep]
    with path.open("ab") as file:
        file.write(torn)
    log = open_log(path)
    log.write(record(4))
    log.close()
    assert (log.torn, log.damages) == (len(torn), [])
    assert texts(path) == [f"number {number}" for number in (1, 2, 3, 4)]
    assert numbers(path) == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["root:x:0:0\n", "no line end", "{}\n", '{"ts":1,"uid":"C1"}\n'])
def test_a_foreign_file_is_left_alone(tmp_path: Path, text: str) -> None:
    """A mistyped path does not overwrite a file."""
    path = tmp_path / "passwd"
    path.write_text(text)
    with pytest.raises(OSError, match="event log"):
        open_log(path)
    assert path.read_text() == text


def test_a_link_to_something_else_is_left_alone(golden: Golden, tmp_path: Path) -> None:
    """Replacing the link would silently stop the file that it points to."""
    (tmp_path / "other").write_text("")
    (tmp_path / "events.jsonl").symlink_to("other")
    with pytest.raises(OSError) as raised:
        open_log(tmp_path / "events.jsonl")
    golden(str(raised.value))


def test_one_writer_a_log(golden: Golden, tmp_path: Path) -> None:
    """Neither another live run nor a replay may write it; the next one may once the first has ended."""
    path = tmp_path / "events.jsonl"
    first = open_log(path)
    first.write(record(1))
    assert first.sync()
    beginning = folder_of(path) / "00000000000000000002.new"
    beginning.touch()
    with pytest.raises(OSError) as raised:
        open_log(path)
    golden(str(raised.value))
    assert beginning.exists()
    with pytest.raises(OSError) as raised:
        EventLog(path, fresh=True)
    golden(str(raised.value))
    first.close()
    write(path, 2)
    assert numbers(path) == [1, 2]


def test_alerts_are_down_at_once_and_take_all_that_was_before_with_them(tmp_path: Path) -> None:
    """An alert is synced without waiting for the group to end, and the order is kept."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk, commit_ms=60_000)
    log.write(record(1))
    for number, kind in ((2, "alert"), (4, "incident")):
        log.write(record(number - 1 if number == 4 else 1, "device"))
        log.write(record(number, kind))
        until(lambda number=number: f"number {number}".encode() in path.read_bytes())  # type: ignore[misc]
    until(lambda: log.written == 5)
    assert disk.syncs == 2
    log.close()
    assert texts(path) == ["number 1", "number 1", "number 2", "number 3", "number 4"]


def test_a_group_is_down_within_its_time(tmp_path: Path) -> None:
    """Many records need few syncs: no record waits longer than the group's time."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk, commit_ms=100)
    began = time.monotonic()
    for number in range(100):
        log.write(record(number))
    until(lambda: log.written == 100)
    assert disk.syncs <= 2 + (time.monotonic() - began) / 0.1
    log.close()


def test_emitted_where_the_clock_differs_by_more_than_a_second(tmp_path: Path) -> None:
    """As in any log, a delayed record has the time at which it was written."""
    log = open_log(tmp_path / "events.jsonl")
    log.write(record(0))
    log.write(record(5))
    log.close()
    reported = [json.loads(line).get("emitted") for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    assert reported == [None, "2026-11-24T09:14:07.318442Z"], TS


def test_a_segment_that_a_user_took_away(tmp_path: Path) -> None:
    """The sensor continues in a new segment instead of writing to a deleted file."""
    path = tmp_path / "events.jsonl"
    log = open_log(path)
    log.write(record(1))
    assert log.sync()
    segments(path)[0].path.unlink()
    log.write(record(2))
    assert log.sync()
    log.write(record(3))
    log.close()
    assert path.readlink().name in {one.path.name for one in segments(path)}
    assert texts(path)[-1] == "number 3"


def test_what_a_text_reports_is_no_place_for_a_number(tmp_path: Path) -> None:
    """A host that imitates the format of record numbers in its data does not change the numbering."""
    evil = record(1)
    evil.msg = 'x,"seq":0} \\",\\"seq\\":0}'
    log = open_log(tmp_path / "events.jsonl")
    log.write(evil)
    log.close()
    line = json.loads((tmp_path / "events.jsonl").read_bytes())
    assert (line["msg"], line["sensor"]["seq"]) == (evil.msg, 1)


def test_left_overs_of_a_crash_go_away(tmp_path: Path) -> None:
    """Temporary files of segments that were never renamed are removed."""
    path = tmp_path / "events.jsonl"
    write(path, 1)
    left = folder_of(path) / "00000000000000000002.new"
    left.write_bytes(b"half")
    write(path, 2)
    assert not left.exists()
    assert numbers(path) == [1, 2]
