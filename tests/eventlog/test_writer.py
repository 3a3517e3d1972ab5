"""Writing the event log: numbers without a gap, across restarts and crashes."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import SECOND
from sensor.eventlog.writer import BUFFER, TAIL, EventLog
from tests.golden import Golden

TS = 1_795_511_647_318_442_123


def record(number: int, size: int = 0) -> Record:
    return RecordMaker("hq", "HQ", "0.1.0").sensor(
        "health", TS + number * SECOND, f"number {number}", padding=["x" * 500] * (size // 500)
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def seqs(path: Path) -> list[int]:
    return [line["sensor"]["seq"] for line in lines(path)]


def write(path: Path, *numbers: int, **options: Any) -> EventLog:
    log = EventLog(path, **options)
    for number in numbers:
        log.write(record(number))
    log.close()
    return log


def test_lines_begin_with_the_promised_keys_in_their_order(tmp_path: Path) -> None:
    """ts, kind, action, severity, msg, id, schema, sensor; and the sensor's own keys."""
    write(tmp_path / "log", 0)
    assert (tmp_path / "log").read_text() == (
        '{"ts":"2026-11-24T09:14:07.318442Z","kind":"sensor","action":"health","severity":"info","msg":"number 0",'
        f'"id":"{record(0).id}","schema":"1.0","sensor":{{"id":"hq","site":"HQ","version":"0.1.0","seq":1}}}}\n'
    )


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    """Numbers are consecutive over three runs."""
    for _ in range(3):
        write(tmp_path / "log", 1, 2, 3)
    assert seqs(tmp_path / "log") == list(range(1, 10))


@pytest.mark.parametrize("keep", [1, 5, 40, -1])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, keep: int) -> None:
    """A partial last line after a crash is truncated, its number is assigned again, and its bytes are counted."""
    path = tmp_path / "log"
    write(path, 1, 2, 3)
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    torn = last[:keep]
    path.write_bytes(whole[: -len(last)] + torn)
    log = write(path, 4)
    assert (log.torn, log.written) == (len(torn), 1)
    assert [(line["sensor"]["seq"], line["msg"]) for line in lines(path)] == [
        (1, "number 1"),
        (2, "number 2"),
        (3, "number 4"),
    ]


def test_a_torn_first_line_leaves_an_empty_log(tmp_path: Path) -> None:
    """A crash within the very first line."""
    (tmp_path / "log").write_bytes(b'{"ts":"2026-11-24T09:14:07.3')
    assert write(tmp_path / "log", 1).torn == 28
    assert seqs(tmp_path / "log") == [1]


def test_broken_lines_before_the_end_do_not_stop_the_numbers(tmp_path: Path) -> None:
    """The last readable line gives the number; complete lines are never removed."""
    path = tmp_path / "log"
    write(path, 1, 2)
    with path.open("ab") as file:
        file.write(b"not json\n{}\n")
    write(path, 3)
    assert json.loads(path.read_bytes().splitlines()[-1])["sensor"]["seq"] == 3
    assert b"not json\n{}\n" in path.read_bytes()


def test_a_log_longer_than_the_look_at_its_end(tmp_path: Path) -> None:
    """Only the end of a long file is read."""
    path = tmp_path / "log"
    log = EventLog(path)
    while log.written * 30_000 < TAIL * 1.2:
        log.write(record(log.written, 30_000))
    log.close()
    assert path.stat().st_size > TAIL
    write(path, 1)
    assert seqs(path) == list(range(1, log.written + 2))


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("text", ["root:x:0:0\n", "no line end", "{}\n"])
def test_a_foreign_file_is_left_alone(tmp_path: Path, text: str, fresh: bool) -> None:
    """A mistyped path does not overwrite a file."""
    path = tmp_path / "passwd"
    path.write_text(text)
    with pytest.raises(OSError, match="event log"):
        EventLog(path, fresh=fresh)
    assert path.read_text() == text


def test_a_fresh_log_begins_again(tmp_path: Path) -> None:
    """Numbers begin with 1, and the old lines are deleted."""
    write(tmp_path / "log", 1, 2)
    write(tmp_path / "log", 3, fresh=True)
    assert [line["msg"] for line in lines(tmp_path / "log")] == ["number 3"]
    assert seqs(tmp_path / "log") == [1]


def test_one_writer_a_file(golden: Golden, tmp_path: Path) -> None:
    """A second writer fails without a change, and succeeds once the first has ended."""
    first = EventLog(tmp_path / "log")
    first.write(record(1))
    first.flush()
    with pytest.raises(OSError) as raised:
        EventLog(tmp_path / "log", fresh=True)
    golden(str(raised.value))
    first.close()
    write(tmp_path / "log", 2)
    assert seqs(tmp_path / "log") == [1, 2]


def test_lines_wait_for_a_flush_or_for_many(tmp_path: Path) -> None:
    """One record is buffered; a full buffer is written."""
    path = tmp_path / "log"
    log = EventLog(path)
    log.write(record(0))
    assert path.stat().st_size == 0
    log.flush()
    assert seqs(path) == [1]
    before = path.stat().st_size
    for number in range(1, 2 + BUFFER // 30_000):
        log.write(record(number, 30_000))
    assert path.stat().st_size > before
    log.close()
    log.close()
    assert seqs(path) == list(range(1, log.written + 1))


@pytest.mark.parametrize(
    ("late_s", "reported"),
    [(0.5, None), (-0.9, None), (1.5, "2026-11-24T09:14:08.818442Z"), (-3600.0, "2026-11-24T08:14:07.318442Z")],
)
def test_emitted_where_the_clock_differs_by_more_than_a_second(
    tmp_path: Path, late_s: float, reported: str | None
) -> None:
    """A delayed record of a live run has the time at which it was written; a replay has no clock and never adds it."""
    write(tmp_path / "log", 0, clock=lambda: TS / SECOND + late_s)
    (line,) = lines(tmp_path / "log")
    assert line.get("emitted") == reported
    write(tmp_path / "replay", 0)
    assert "emitted" not in lines(tmp_path / "replay")[0]


def test_a_pipe_without_reader(tmp_path: Path) -> None:
    """One BrokenPipeError; closing afterwards raises none."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as file:
        log = EventLog(file)
        log.write(record(0))
        with pytest.raises(BrokenPipeError):
            log.flush()
        log.close()


def test_a_named_pipe(tmp_path: Path) -> None:
    """The reader at the other end gets the lines."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write(path, 1, 2)
    reader.join(10)
    assert [json.loads(line)["sensor"]["seq"] for line in got[0].splitlines()] == [1, 2]


def test_standard_output_stays_open(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Closing the log does not close standard output."""
    log = EventLog(None)
    log.write(record(0))
    log.close()
    os.write(1, b"still open\n")
    first, last = capfdbinary.readouterr().out.splitlines()
    assert json.loads(first)["sensor"]["seq"] == 1
    assert last == b"still open"


def test_folders_are_made(tmp_path: Path) -> None:
    """Missing folders are created."""
    write(tmp_path / "a" / "b" / "log", 1)
    assert seqs(tmp_path / "a" / "b" / "log") == [1]


def test_a_stream_without_a_file_is_refused() -> None:
    """The stream must have a file descriptor."""
    with pytest.raises(io.UnsupportedOperation):
        EventLog(io.BytesIO())
