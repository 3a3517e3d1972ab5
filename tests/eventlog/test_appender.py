"""When a segment ends and which bytes are synced by then, exact to the byte, with a count of syncs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.eventlog.appender import MARK, Appender
from sensor.eventlog.disk import Disk
from sensor.eventlog.hint import Hint
from sensor.eventlog.segments import folder_of, segments

LINE = b'{"kind":"device","sensor":{"id":"hq"' + MARK + b"}"


class Counting(Disk):
    """``synced``: the sizes of the file at each sync."""

    def __init__(self) -> None:
        self.synced: list[int] = []

    def sync(self, file: int) -> None:
        super().sync(file)
        self.synced.append(file)


def appender(folder: Path, disk: Disk, segment_bytes: int, segment_s: float = 3600.0) -> Appender:
    log = folder / "events.jsonl"
    folder_of(log).mkdir()
    return Appender(log, 1, Hint(log), disk, segment_bytes=segment_bytes, segment_s=segment_s)


def size_of(lines: int) -> int:
    """Bytes of so many numbered lines, up to nine."""
    return lines * (len(LINE) + 1)


@pytest.mark.parametrize(("limit", "closed"), [(size_of(3), 1), (size_of(3) + 1, 0), (size_of(2), 1)])
def test_a_segment_ends_when_it_is_as_long_as_it_may_be(tmp_path: Path, limit: int, closed: int) -> None:
    """The segment holds three lines, to the byte, and no line is lost in the change to the next one."""
    one = appender(tmp_path, Counting(), limit)
    one.add([LINE] * 3)
    one.sync()
    one.turn()
    assert one.closed == closed
    one.add([LINE])
    one.sync()
    assert [part.first for part in segments(tmp_path / "events.jsonl")] == ([1, 4] if closed else [1])
    assert b"".join(part.path.read_bytes() for part in segments(tmp_path / "events.jsonl")).count(b'"seq":4') == 1
    one.close()


@pytest.mark.parametrize(("age_s", "closed"), [(0.0, 1), (3600.0, 0)])
def test_a_segment_ends_when_it_is_old_enough(tmp_path: Path, age_s: float, closed: int) -> None:
    """A segment ends at its maximum age, however short it is."""
    one = appender(tmp_path, Counting(), 1 << 20, age_s)
    one.add([LINE])
    one.sync()
    one.turn()
    assert one.closed == closed
    one.close()


def test_a_segment_without_lines_does_not_end(tmp_path: Path) -> None:
    one = appender(tmp_path, Counting(), 0, 0.0)
    one.turn()
    assert (one.closed, one.path) == (0, None)
    one.close()


def test_what_the_system_took_is_down_before_the_segment_ends(tmp_path: Path) -> None:
    """A closed segment is synced before the next one begins, so that a power failure leaves no gap between them."""
    disk = Counting()
    one = appender(tmp_path, disk, size_of(2))
    one.add([LINE])
    one.sync()
    one.add([LINE])
    one.push()
    before = len(disk.synced)
    one.turn()
    assert (len(disk.synced), one.closed, one.pinned) == (before + 1, 1, 0)
    one.close()
