"""Reading a log in segments: to its end, while it grows, from a time, and backwards from its end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensor.eventlog import log_lines
from sensor.eventlog import reader as reading
from sensor.eventlog.log_end import backwards, end_of
from sensor.eventlog.log_offsets import place_since
from sensor.eventlog.reader import Reader
from sensor.eventlog.segment_lines import CHUNK, LINE_LIMIT
from sensor.eventlog.segments import Segment, folder_of, number_of, segments
from tests.eventlog.segmented import Segmented, line
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll at a short interval."""
    monkeypatch.setattr(reading, "PAUSE_S", 0.005)


@pytest.fixture
def log(tmp_path: Path) -> Segmented:
    return Segmented(tmp_path / "events.jsonl")


def numbers(reader: Reader) -> list[int]:
    return [record["sensor"]["seq"] for record in reader]


def test_all_segments(log: Segmented) -> None:
    """In order, compressed ones too; damaged lines are reported by segment and line."""
    log.add(300)
    log.rotate()
    log.append(b"nonsense\n")
    log.add(20)
    log.rotate()
    log.add(3)
    log.compress(0)
    reader = Reader(log.log)
    assert numbers(reader) == list(range(1, 324))
    assert (reader.broken, reader.missing) == (1, 0)
    assert [(one.segment, one.line) for one in reader.damages] == [(segments(log.log)[1].path.name, 1)]


def test_damages_are_counted_and_the_first_are_kept(log: Segmented) -> None:
    for _ in range(log_lines.DAMAGES_KEPT + 2):
        log.append(b"nonsense\n")
    log.add(1)
    reader = Reader(log.log)
    assert numbers(reader) == [1]
    assert (reader.broken, len(reader.damages)) == (log_lines.DAMAGES_KEPT + 2, log_lines.DAMAGES_KEPT)


def test_a_log_without_its_link(log: Segmented) -> None:
    """The segments are read without the link."""
    log.add(3)
    log.rotate()
    log.add(3)
    log.log.unlink()
    assert numbers(Reader(log.log)) == [1, 2, 3, 4, 5, 6]


def test_records_that_are_removed_while_it_reads(log: Segmented) -> None:
    """Records of removed segments are counted."""
    for _ in range(3):
        log.add(5000)
        log.rotate()
    reader = Reader(log.log)
    records = iter(reader)
    next(records)
    log.remove()
    log.remove()
    assert [record["sensor"]["seq"] for record in records] == [*range(2, 5001), *range(10_001, 15_001)]
    assert reader.missing == 5000


class Following:
    """A reader that follows a log in a thread."""

    def __init__(self, log: Path) -> None:
        self.seen: list[int] = []
        self.done = threading.Event()
        self.reader = Reader(log, follow=True, stop=self.done.is_set)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for record in self.reader:
            self.seen.append(record["sensor"]["seq"])

    def wait_for(self, count: int) -> list[int]:
        until(lambda: len(self.seen) >= count)
        return self.seen


@pytest.fixture
def follow() -> Iterator[Callable[[Path], Following]]:
    made: list[Following] = []

    def start(log: Path) -> Following:
        made.append(Following(log))
        return made[-1]

    yield start
    for one in made:
        one.done.set()
        one.thread.join(60)
        assert not one.thread.is_alive()


def test_following_over_rotation(tmp_path: Path, follow: Callable[[Path], Following]) -> None:
    """Following from before the log exists: no line is lost or repeated across changes of segments, and no file stays
    open.
    """
    following, chance = follow(tmp_path / "events.jsonl"), random.Random(3)
    log = Segmented(tmp_path / "events.jsonl")
    for _ in range(60):
        log.add(chance.randrange(1, 20))
        if chance.random() < 0.3:
            log.rotate()
        if (
            len(plain := [place for place, one in enumerate(segments(log.log)) if not one.compressed]) > 1
            and chance.random() < 0.5
        ):
            log.compress(plain[0])
        if chance.random() < 0.5:
            following.wait_for(log.last)
    assert following.wait_for(log.last) == list(range(1, log.last + 1))
    assert (following.reader.broken, following.reader.missing) == (0, 0)
    held = [one.resolve() for one in Path("/proc/self/fd").iterdir()]
    assert sum(tmp_path in one.parents for one in held) <= 1


def test_a_log_that_begins_while_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmented log that appears in an empty folder is not taken for a plain log, which would be read again from its
    beginning after the first compression.
    """
    path, looks = tmp_path / "events.jsonl", []

    def segments_late(log: Path) -> list[Segment]:
        looks.append(log)
        if len(looks) == 1:
            Segmented(path).add(3)
            return []
        return segments(log)

    monkeypatch.setattr(log_lines, "segments", segments_late)
    assert [one.first for one in log_lines.parts(path)] == [1]


# From the end.


def test_backwards(log: Segmented) -> None:
    """Every line before the end, the last first, across segments and read blocks."""
    log.add(400, text="x" * 3000)
    log.rotate()
    log.add(50)
    log.rotate()
    log.add(7)
    log.append(line(8)[:50])
    log.compress(1)
    end = end_of(log.log)
    assert end is not None
    found = [number_of(text) for text in backwards(log.log, end) if text]
    assert found == list(range(457, 0, -1))
    assert log.current.stat().st_size - end.at == 50


def test_from_the_end_on(log: Segmented) -> None:
    """Lines after the end follow it, whether the last segment is plain or compressed."""
    log.add(10)
    assert numbers(Reader(log.log, start=end_of(log.log))) == []
    end = end_of(log.log)
    log.add(2)
    assert numbers(Reader(log.log, start=end)) == [11, 12]
    log.compress()
    end = end_of(log.log)
    log.rotate()
    log.add(1)
    assert numbers(Reader(log.log, start=end)) == [13]


def test_the_end_of_lines_without_end(tmp_path: Path) -> None:
    """A log with one partial line ends at its beginning; an empty log has no end."""
    path = tmp_path / "replay.jsonl"
    assert end_of(path) is None
    path.write_bytes(b"x" * (2 * CHUNK))
    end = end_of(path)
    assert end is not None
    assert end.at == 0


def test_since_a_time(log: Segmented) -> None:
    """The last segment that begins before the time; the first one if none does."""
    for _ in range(3):
        log.add(100)
        log.rotate()
    log.compress(1)
    firsts = {}
    for since in ("2026-11-24T09:00:00.000000Z", "2026-11-24T09:02:00.000000Z", "2026-11-24T09:59:00.000000Z"):
        place = place_since(log.log, since)
        assert place is not None
        firsts[since[14:16]] = place.segment.first
    assert firsts == {"00": 1, "02": 101, "59": 201}
    assert place_since(log.log.with_name("none.jsonl"), "2026") is None


def test_a_log_that_is_not_there_has_no_segments(tmp_path: Path) -> None:
    """Neither has one whose folder is a file."""
    assert segments(tmp_path / "none.jsonl") == []
    folder_of(tmp_path / "events.jsonl").write_text("")
    assert segments(tmp_path / "events.jsonl") == []


def test_a_line_over_the_limit_in_a_compressed_segment(log: Segmented) -> None:
    """It is reported once, however long it is, and the records after it are read."""
    log.add(2)
    log.append(b"x" * (3 * LINE_LIMIT) + b"\n")
    log.add(2)
    log.rotate()
    log.compress(0)
    reader = Reader(log.log)
    assert numbers(reader) == [1, 2, 3, 4]
    assert (reader.broken, [one.segment for one in reader.damages]) == (1, [segments(log.log)[0].path.name])
