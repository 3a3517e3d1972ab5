"""Random damage to the segments of a log, its hint, and the cursors of its outputs: the sensor starts, loses only
damaged records, and reports them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard

from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.retention import Retention
from sensor.eventlog.segments import cursors_of, folder_of, segments
from tests.reliability.live_logs import open_log, record

DAMAGES = int(os.environ.get("SENSOR_DAMAGES", "120"))
RECORDS = 1000


class Place(NamedTuple):
    """Bytes of a file, and the numbers that become unreadable where one of the bytes is damaged."""

    file: str
    start: int
    end: int
    first: int
    last: int


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of several segments, plain and compressed, with two outputs in the middle of it."""
    path = tmp_path_factory.mktemp("good") / "events.jsonl"
    log = open_log(path, segment_mib=0.14)
    log._retention.close()
    for number in range(1, RECORDS + 1):
        log.write(record(number, size=100 * (number % 13)))
        if number % 50 == 0:
            assert log.sync()
    log.close()
    packer = Retention(path, size=1 << 40, hard=1 << 40, age_s=1e9)
    for segment in segments(path)[:2]:
        packer._compress(segment)
    for _ in packer.look(0):
        pass
    cursors_of(path).mkdir()
    for name, seq in (("siem", 500), ("mail", 900)):
        (cursors_of(path) / f"{name}.json").write_text(json.dumps({"seq": seq, "alerts": seq}))
    assert len(segments(path)) > 4
    return path


@pytest.fixture(scope="module")
def places(good: Path) -> list[Place]:
    """The place of every number: a line of a plain segment, a frame of a compressed one."""
    found = []
    for segment in segments(good):
        data, number = segment.path.read_bytes(), segment.first
        start = 0
        while start < len(data):
            if segment.compressed:
                frame = zstandard.ZstdDecompressor().decompressobj()
                lines = frame.decompress(data[start:]).count(b"\n")
                end = len(data) - len(frame.unused_data)
            else:
                lines, end = 1, data.index(b"\n", start) + 1
            found.append(Place(segment.path.name, start, end, number, number + lines - 1))
            start, number = end, number + lines
    assert found[-1].last == RECORDS
    return found


def flip(data: bytearray, chance: random.Random) -> tuple[int, int]:
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    return place, place + 1


def cut(data: bytearray, chance: random.Random) -> tuple[int, int]:
    place, size = chance.randrange(len(data)), len(data)
    del data[place:]
    return place, size


def zeros(data: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.choice([1, 16, 512, 4096, 65_536]))
    data[start:end] = bytes(end - start)
    return start, end


Damaging = Callable[[bytearray, random.Random], tuple[int, int]]


@pytest.mark.parametrize("number", range(DAMAGES))
def test_a_damage(good: Path, places: list[Place], tmp_path: Path, number: int) -> None:
    """After one damage anywhere all other lines are still there, losses are reported, and no number is used twice."""
    chance = random.Random(number)
    path = tmp_path / "events.jsonl"
    for folder in (folder_of, cursors_of):
        shutil.copytree(folder(good), folder(path))
    path.symlink_to(good.readlink())
    victim = chance.choice([*folder_of(path).iterdir(), *cursors_of(path).iterdir()])
    damaging: Damaging | None = chance.choice([flip, cut, zeros, None])
    data = bytearray(victim.read_bytes())
    start, end = damaging(data, chance) if damaging else (0, len(data))
    victim.unlink()
    if damaging:
        victim.write_bytes(data)
    # The end of a line belongs to the following line as well: without it both are one.
    touched = {
        one
        for place in places
        if place.file == victim.name and place.start <= end and place.end >= start
        for one in range(place.first, place.last + 1)
    }

    began = time.monotonic()
    log = open_log(path)
    assert time.monotonic() - began < 60
    for new in range(3):
        log.write(record(77_770 + new, "alert"))
    assert log.sync()
    log.close()
    looking = Retention(path, size=1 << 40, hard=1 << 40, age_s=1e9)
    for _ in looking.look(RECORDS):
        pass
    reported = [*log.damages, *looking.damages]

    reader = LogCursor(path)
    found: dict[int, bytes] = {}
    while lines := reader.read():
        found |= dict(lines)
    reader.close()
    lost = set(range(1, RECORDS + 1)) - set(found)
    assert lost <= touched
    news = [seq for seq, line in found.items() if b'"msg":"number 7777' in line]
    assert len(news) == 3
    assert min(news) > RECORDS
    if lost:
        names = {damage.segment for damage in reported}
        assert reported, (victim.name, damaging, start, end, sorted(lost)[:3], len(lost))
        # A missing part is reported with the segment before it.
        assert any(name <= victim.name + ".zst" for name in names) or damaging is None


def test_everything_at_once(good: Path, tmp_path: Path) -> None:
    """Without segments and hint and with one cursor, numbers continue after those of the output."""
    path = tmp_path / "events.jsonl"
    shutil.copytree(cursors_of(good), cursors_of(path))
    log = open_log(path)
    log.write(record(1))
    log.close()
    reader = LogCursor(path)
    ((seq, _),) = reader.read()
    reader.close()
    assert seq == 901
    (damage,) = map(str, log.damages)
    assert (damage.startswith("events.segments:0: "), damage.endswith(" 1 to 900")) == (True, True)


def test_a_large_log_starts_soon(tmp_path: Path) -> None:
    """A last segment of the default size with a damage in it is read soon."""
    path = tmp_path / "events.jsonl"
    log = open_log(path)
    line = record(1, size=400)
    for number in range(85_000):
        log.write(line)
        if number % 5000 == 0:
            assert log.sync()
    log.close()
    assert log.lost.total() == 0
    with path.open("r+b") as file:
        file.seek(30_000_000)
        file.write(bytes(100))
    began = time.process_time()
    again = open_log(path)
    seconds = time.process_time() - began
    again.close()
    assert seconds < 10
    assert 0 < len(again.damages) <= 2
    assert again.torn == 0
