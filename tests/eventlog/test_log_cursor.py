"""A cursor over a log gives every number once, in order, across rotation, compression, retention, crashes, damage."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.eventlog.log_cursor import GAP, WRONG_NUMBER, LogCursor
from sensor.eventlog.log_lines import NO_RECORD
from sensor.eventlog.segment_lines import CUT, UNPACKABLE
from sensor.eventlog.segments import segment_path, segments
from tests.eventlog.segmented import Segmented, frames, line


@pytest.fixture
def log(tmp_path: Path) -> Segmented:
    return Segmented(tmp_path / "events.jsonl")


def taken(cursor: LogCursor, lines: int = 1000) -> list[int]:
    """All numbers that are available now."""
    found: list[int] = []
    while more := cursor.read(lines):
        found += [number for number, _ in more]
    return found


def all_of(log: Path, after: int = 0) -> tuple[list[int], LogCursor]:
    cursor = LogCursor(log, after)
    found = taken(cursor)
    cursor.close()
    return found, cursor


def test_all_segments_are_one_log(log: Segmented) -> None:
    """Plain and compressed segments are read in order, and the lines are unchanged."""
    for _ in range(3):
        log.add(250)
        log.rotate()
    log.compress(1)
    log.add(5)
    cursor = LogCursor(log.log)
    found = [pair for _ in range(20) for pair in cursor.read(100)]
    cursor.close()
    assert found == [(number, line(number)[:-1]) for number in range(1, 756)]
    assert (cursor.missing, cursor.damaged) == (0, 0)


def test_a_crash_before_the_link_points_to_a_new_segment(log: Segmented) -> None:
    """The records of the new segment are read without waiting for a writer to repair the link."""
    log.add(250)
    link = log.log.readlink()
    log.rotate()
    log.add(5)
    log.log.unlink()
    log.log.symlink_to(link)
    found, cursor = all_of(log.log)
    assert found == list(range(1, 256))
    assert (cursor.missing, cursor.damaged) == (0, 0)


@pytest.mark.parametrize("after", [0, 1, 999, 1000, 1001, 2345, 9999, 10_000])
def test_it_begins_behind_a_number(log: Segmented, after: int) -> None:
    """The cursor starts exactly after the number, by binary search in large plain segments and by reading compressed
    ones.
    """
    log.add(1000)
    log.rotate()
    log.add(1000)
    log.rotate()
    log.compress(1)
    log.add(8000, text="x" * 200)
    found, cursor = all_of(log.log, after)
    assert found == list(range(after + 1, 10_001))
    assert (cursor.missing, cursor.damaged) == (0, 0)


def test_a_large_log_is_not_read_to_begin_at_its_end(log: Segmented) -> None:
    """The first line after a number is found at once, though 40 MB are before it."""
    log.append(b"".join(line(number, text="x" * 4000) for number in range(1, 10_001)))
    begun = time.process_time()
    cursor = LogCursor(log.log, 9990)
    assert cursor.read(1)[0][0] == 9991
    cursor.close()
    assert time.process_time() - begun < 0.05


def test_no_more_than_requested(log: Segmented) -> None:
    """The limit is a number of lines, or a number of bytes with at least one line."""
    log.add(50)
    cursor = LogCursor(log.log)
    assert len(cursor.read(7)) == 7
    assert len(cursor.read(100, 1)) == 1
    assert len(cursor.read(100, len(line(20)) + 1)) == 2
    cursor.close()


def test_it_waits_for_a_log_and_for_whole_lines(tmp_path: Path) -> None:
    """There is nothing before the log exists, and a line is read when its line end is there."""
    cursor = LogCursor(tmp_path / "events.jsonl")
    assert taken(cursor) == []
    log = Segmented(tmp_path / "events.jsonl")
    assert taken(cursor) == []
    log.append(line(1) + line(2)[:30])
    assert taken(cursor) == [1]
    log.append(line(2)[30:])
    assert taken(cursor) == [2]
    cursor.close()


def test_a_torn_line_that_is_cut_and_written_again(log: Segmented) -> None:
    """After a crash the writer truncates the partial line and writes a longer one, which is read from its own start."""
    log.append(line(1) + line(2)[:100])
    cursor = LogCursor(log.log)
    assert taken(cursor) == [1]
    log.current.write_bytes(line(1) + line(2, text="another") + line(3))
    assert taken(cursor) == [2, 3]
    assert cursor.damaged == 0
    cursor.close()


def test_rotation_while_it_reads(log: Segmented) -> None:
    """Segments are closed, compressed and removed at every pace: no line is missing or repeated, and no file stays
    open.
    """
    cursor, found, chance = LogCursor(log.log), [], random.Random(5)
    for _ in range(120):
        log.add(chance.randrange(1, 30))
        found += [number for number, _ in cursor.read(chance.randrange(1, 40))]
        if chance.random() < 0.4:
            log.rotate()
        plain = [place for place, one in enumerate(segments(log.log)[:-1]) if not one.compressed]
        if plain and chance.random() < 0.4:
            log.compress(chance.choice(plain), chance.randrange(1, 50))
    found += taken(cursor)
    cursor.close()
    assert found == list(range(1, log.last + 1))
    assert (cursor.missing, cursor.damaged) == (0, 0)


def test_lines_written_just_before_rotation(log: Segmented) -> None:
    """Lines added to a segment after the last read are read before the next segment."""
    log.add(3)
    cursor = LogCursor(log.log)
    assert taken(cursor) == [1, 2, 3]
    log.add(2)
    log.rotate()
    log.add(1)
    assert taken(cursor) == [4, 5, 6]
    cursor.close()


def test_an_old_link_hides_no_segment(log: Segmented) -> None:
    """After a crash between a new segment and its link, the segment is found within a few polls."""
    log.add(1)
    cursor = LogCursor(log.log)
    assert taken(cursor) == [1]
    segment_path(log.log, 2).write_bytes(line(2))
    assert [number for _ in range(40) for number in taken(cursor)] == [2]
    cursor.close()


def test_what_retention_removes_is_missing(log: Segmented) -> None:
    """An open segment is read to its end; lines of segments removed before are counted as missing by their numbers."""
    for _ in range(4):
        log.add(100)
        log.rotate()
    log.add(1)
    cursor = LogCursor(log.log)
    assert len(cursor.read(50)) == 50
    for _ in range(3):
        log.remove()
    assert taken(cursor) == [*range(51, 101), *range(301, 402)]
    assert (cursor.missing, cursor.damaged) == (200, 0)
    cursor.close()


def test_a_start_that_is_gone(log: Segmented) -> None:
    """Unread lines that are removed while the reader does not run count as missing."""
    for _ in range(3):
        log.add(100)
        log.rotate()
    log.add(1)
    log.remove()
    log.remove()
    found, cursor = all_of(log.log, 40)
    assert found == list(range(201, 302))
    assert cursor.missing == 160


def test_a_plain_log_of_an_earlier_version_becomes_a_segment(tmp_path: Path) -> None:
    """The conversion happens while it is read, and the cursor continues at its position."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(1) + line(2))
    cursor = LogCursor(path)
    assert taken(cursor) == [1, 2]
    path.rename(tmp_path / "old")
    log = Segmented(path)
    (tmp_path / "old").rename(log.current)
    log.append(line(3))
    assert taken(cursor) == [3]
    log.last = 3
    log.rotate()
    log.add(2)
    assert taken(cursor) == [4, 5]
    assert (cursor.missing, cursor.damaged) == (0, 0)
    cursor.close()


@pytest.mark.parametrize(
    "again", [lambda path: path.write_bytes(line(1)), lambda path: (path.unlink(), path.write_bytes(line(1)))]
)
def test_a_plain_log_that_is_begun_again(tmp_path: Path, again: Callable[[Path], object]) -> None:
    """Another replay truncates or replaces the log: it is a new log with the same numbers."""
    path = tmp_path / "replay.jsonl"
    path.write_bytes(line(1) + line(2))
    cursor = LogCursor(path)
    assert taken(cursor) == [1, 2]
    again(path)
    assert taken(cursor) == [1]
    cursor.close()


def test_a_log_with_gaps(tmp_path: Path) -> None:
    """A log that was filtered to its alerts: all are read, and the numbers between them count as missing."""
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b"".join(line(number) for number in (5, 90, 91, 4000)))
    found, cursor = all_of(path)
    assert (found, cursor.missing, cursor.damaged) == ([5, 90, 91, 4000], 3996, 0)


# Damage.


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"seq": 7}', b'"seq": 7', NO_RECORD), (b"number 7 \xc3\xbc", b"number 7 \xff\xbc", NO_RECORD),
        (b'"seq": 7', b'"seq": 9000007', WRONG_NUMBER),
        (b'"seq": 7', b'"seq": 9', WRONG_NUMBER), (b'"seq": 7', b'"seq": 3', WRONG_NUMBER),
        (b'"seq": 7', b'"seq":-7', NO_RECORD),
        (line(7), b"[" * 9999 + b"\n", NO_RECORD),
        (line(7), bytes(len(line(7))) , NO_RECORD),
    ],
)  # fmt: skip
def test_a_damaged_line(log: Segmented, old: bytes, new: bytes, reason: str) -> None:
    """Only that line is lost and reported by segment and line; a number far too high skips no other line."""
    log.add(20)
    log.current.write_bytes(changed(log.current.read_bytes(), old, new))
    log.rotate()
    log.add(5)
    found, cursor = all_of(log.log)
    lost = {7, 8} if new.startswith(b"\0") else {7}  # zeros have no line end: the next line is part of this one
    assert found == [number for number in range(1, 26) if number not in lost]
    assert (cursor.missing, cursor.damaged) == (len(lost), 1)
    assert [str(one) for one in cursor.damages] == [f"{segments(log.log)[0].path.name}:7: {reason}"]


def test_a_damaged_number_on_the_last_line(log: Segmented) -> None:
    """Its number cannot be checked yet: the line waits for the next one, and nothing after it is skipped."""
    log.add(6)
    log.append(changed(line(7), b'"seq": 7', b'"seq": 9000007'))
    cursor = LogCursor(log.log)
    assert taken(cursor) == [1, 2, 3, 4, 5, 6]
    assert taken(cursor) == []
    assert (cursor.at, cursor.missing, cursor.damaged) == (6, 0, 0)
    log.append(line(8))
    assert taken(cursor) == [8]
    log.append(line(9))
    assert taken(cursor) == [9]
    assert (cursor.missing, [(one.line, one.reason) for one in cursor.damages]) == (1, [(7, WRONG_NUMBER)])
    cursor.close()


@pytest.mark.parametrize("rotated", [False, True])
def test_a_damaged_number_on_the_last_line_of_a_segment(log: Segmented, rotated: bool) -> None:
    """The name and first line of the next segment show whether it is valid, also if that segment appears later."""
    log.add(6)
    log.append(changed(line(7), b'"seq": 7', b'"seq": 9000007'))
    log.last = 7
    cursor = LogCursor(log.log)
    if not rotated:
        assert taken(cursor) == [1, 2, 3, 4, 5, 6]
    log.rotate()
    log.add(2)
    found = taken(cursor)
    assert found[-2:] == [8, 9]
    assert 9_000_007 not in found
    assert (cursor.missing, cursor.damaged) == (1, 1)
    cursor.close()


def test_a_gap_on_the_last_line_that_is_true(log: Segmented) -> None:
    """Lines before it are missing: it is delivered once the next number matches."""
    log.append(line(1) + line(5))
    cursor = LogCursor(log.log)
    assert taken(cursor) == [1]
    log.append(line(6))
    assert taken(cursor) == [5, 6]
    assert (cursor.missing, [one.reason for one in cursor.damages]) == (3, [GAP])
    cursor.close()


def test_a_line_that_is_gone(log: Segmented) -> None:
    """A line removed together with its line end is found by the numbers."""
    log.append(line(1) + line(2) + line(4) + line(5))
    found, cursor = all_of(log.log)
    assert (found, cursor.missing) == ([1, 2, 4, 5], 1)
    assert [(one.line, one.reason) for one in cursor.damages] == [(3, GAP)]


def test_a_segment_that_ends_in_a_torn_line(log: Segmented) -> None:
    """After a crash the writer continues in a new segment: the partial line is reported, its number is used again."""
    log.add(3)
    log.append(line(4)[:40])
    log.rotate()
    log.add(2)
    found, cursor = all_of(log.log)
    assert (found, cursor.missing) == ([1, 2, 3, 4, 5], 0)
    assert [(one.line, one.reason) for one in cursor.damages] == [(4, NO_RECORD)]


def test_a_frame_that_cannot_be_unpacked(log: Segmented) -> None:
    """The frames after a damaged one of a compressed segment are read."""
    log.add(1000)
    log.rotate()
    log.add(1)
    packed = log.compress(0, 100)
    first = len(frames([line(number) for number in range(1, 101)], 100)[0])
    data = bytearray(packed.read_bytes())
    data[first + 40 : first + 60] = bytes(20)
    packed.write_bytes(data)
    found, cursor = all_of(log.log)
    assert found[:100] == list(range(1, 101))
    assert found[-801:] == list(range(201, 1002))
    assert len(found) + cursor.missing == 1001
    assert cursor.damages[0].reason == UNPACKABLE


def test_a_compressed_segment_that_is_cut(log: Segmented) -> None:
    """The complete part is read, and the truncation is reported."""
    log.add(1000)
    log.rotate()
    log.add(3)
    packed = log.compress(0, 100)
    packed.write_bytes(packed.read_bytes()[:-50])
    found, cursor = all_of(log.log)
    assert (found[:900], found[-3:]) == (list(range(1, 901)), [1001, 1002, 1003])
    assert len(found) + cursor.missing == 1003
    assert cursor.damages[0].reason == CUT


def test_random_damage(tmp_path: Path) -> None:
    """Bits flipped, bytes zeroed or removed, in plain and compressed segments: delivered lines are intact and in order,
    and every number is delivered or missing.
    """
    chance, good = random.Random(11), Segmented(tmp_path / "events.jsonl")
    for _ in range(3):
        good.add(60)
        good.rotate()
    good.add(60)
    good.compress(1, 10)
    whole = {one.path: one.path.read_bytes() for one in segments(good.log)}
    for _ in range(300):
        path = chance.choice([*whole][:-1])
        path.write_bytes(damaged(whole[path], chance))
        cursor = LogCursor(good.log)
        found = [pair for _ in range(60) for pair in cursor.read(20)]
        cursor.close()
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))
        assert numbers[-60:] == list(range(181, 241))
        assert len(numbers) + cursor.missing == 240
        lost = set(range(1, 241)) - set(numbers)
        assert len(lost) <= (60 if path.name.endswith("zst") else 4)
        assert cursor.damaged or not lost
        path.write_bytes(whole[path])


def damaged(data: bytes, chance: random.Random) -> bytes:
    """At most three lines of a plain segment are affected."""
    changed, at = bytearray(data), chance.randrange(len(data) - 200)
    kind = chance.randrange(3)
    if kind == 0:
        changed[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        changed[at : at + 200] = bytes(200)
    else:
        del changed[at : at + chance.randrange(1, 200)]
    return bytes(changed)


def test_how_fast(log: Segmented) -> None:
    """A plain segment is read at 200,000 lines a second on an idle machine; the test requires a tenth of it."""
    log.add(40_000, text="x" * 300)
    begun = time.process_time()
    found, _ = all_of(log.log)
    assert len(found) / (time.process_time() - begun) > 20_000
