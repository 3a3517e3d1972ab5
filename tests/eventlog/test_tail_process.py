"""``sensor tail -f`` while another process writes, rotates, compresses and removes segments gives every line once, in
order, unchanged.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from sensor.cli import tail as tail_command
from sensor.cli.main import main
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_offsets import LineOffset
from sensor.eventlog.reader import FINDS, Reader
from sensor.eventlog.segments import Segment, segments
from tests.eventlog.log_writer import written
from tests.eventlog.segmented import Segmented
from tests.forked import started
from tests.waiting import until


@contextmanager
def tail(log: Path, out: IO[bytes], root: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "sensor", "tail", "-f", "--json", "-n", "1000000", *words, str(log)]
    with started(command, stdout=out, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}) as process:
        try:
            yield process
        finally:
            process.kill()


def write(log: Path, root: Path, first: int, count: int) -> subprocess.Popen[bytes]:
    return started([sys.executable, "-m", "tests.eventlog.log_writer", str(log), str(first), str(count)], cwd=root)


def lines_of(log: Path) -> list[bytes]:
    cursor, found = LogCursor(log), []
    while some := cursor.read():
        found += [text for _, text in some]
    cursor.close()
    return found


def messages(path: Path) -> list[str]:
    return [json.loads(text)["msg"] for text in path.read_bytes().splitlines()]


def come(path: Path, count: int) -> list[bytes]:
    until(lambda: path.read_bytes().count(b"\n") >= count)
    return path.read_bytes().splitlines()


@pytest.mark.slow
def test_a_process_that_writes_and_rotates(tmp_path: Path, root: Path) -> None:
    """Over two runs of the writer, the first one killed, all lines of the log are read, and no others."""
    log, out = tmp_path / "events.jsonl", tmp_path / "out"
    with out.open("wb") as file, tail(log, file, root) as process:
        first = write(log, root, 0, 100_000)
        come(out, 2000)
        first.kill()
        first.wait()
        second = write(log, root, 200_000, 3000)
        assert second.wait(60) == 0
        assert write(log, root, 300_000, 1).wait(60) == 0  # written last: the lines before it are complete
        wanted = lines_of(log)
        found = come(out, len(wanted))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert len(segments(log)) > 10
    assert any(one.compressed for one in segments(log))
    assert out.read_bytes().splitlines() == found == wanted
    assert [json.loads(text)["sensor"]["seq"] for text in found] == list(range(1, len(wanted) + 1))


def test_a_segment_that_goes_while_the_last_lines_are_sought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The segment in which reading started is closed, compressed and removed while the last lines are found."""
    log = Segmented(tmp_path / "events.jsonl")
    log.add(10)
    look = tail_command._last

    def slow_look(*args: Any) -> Any:
        found = look(*args)
        log.add(3)
        log.rotate()
        log.add(2)
        log.compress(0)
        return found

    monkeypatch.setattr(tail_command, "_last", slow_look)
    assert main(["tail", "--json", "-n", "1000", str(log.log)]) == 0
    assert [json.loads(text)["sensor"]["seq"] for text in capsys.readouterr().out.splitlines()] == list(range(1, 16))


@pytest.mark.parametrize("vanishes", [1, 9, 10])
def test_a_segment_that_goes_before_it_is_opened(tmp_path: Path, vanishes: int) -> None:
    """The segment is searched again under its compressed name; a log that can never be opened is an error."""
    log = Segmented(tmp_path / "events.jsonl")
    log.add(4)
    log.rotate()
    log.add(4)
    calls = 0

    def find() -> LineOffset:
        nonlocal calls
        calls += 1
        return LineOffset(Segment(1, tmp_path / "gone") if calls <= vanishes else segments(log.log)[0])

    reader = Reader(log.log)
    if vanishes == FINDS:
        with pytest.raises(FileNotFoundError):
            reader.begin(find)
        return
    assert reader.begin(find) == LineOffset(segments(log.log)[0])
    assert [one["sensor"]["seq"] for one in reader] == list(range(1, 9))


@pytest.mark.slow
def test_alerts_alone_and_a_reader_that_stands_still(tmp_path: Path, root: Path) -> None:
    """A reader suspended during rotation (a sleeping laptop, a full pager) still gets all alerts."""
    log, out = tmp_path / "events.jsonl", tmp_path / "out"
    written(log, 0, 1)
    with out.open("wb") as file, tail(log, file, root, "--kind", "alert") as process:
        writer = write(log, root, 1, 6000)
        come(out, 5)
        process.send_signal(signal.SIGSTOP)
        assert writer.wait(60) == 0
        process.send_signal(signal.SIGCONT)
        assert write(log, root, 97 * 100, 1).wait(60) == 0  # written last
        wanted = [f"number {number}" for number in (*range(0, 6001, 97), 97 * 100)]
        come(out, len(wanted))
    assert messages(out) == wanted
