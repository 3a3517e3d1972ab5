"""The file output: every line once, durable, through rotation, torn lines and partly written batches; and standard
output.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import threading
from pathlib import Path

import pytest

from sensor.core.output import Ack, Retry
from sensor.outputs.file import File, Options
from tests.outputs.batches import entries

NOBODY = 65534


def opened(path: Path, **options: object) -> File:
    output = File("archive", Options(path=path, **options))
    output.open()
    return output


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_lines_in_order_in_a_folder_that_is_made(tmp_path: Path) -> None:
    """Each payload is a line in a new folder; only the owner and group can read the file."""
    path = tmp_path / "new" / "events.jsonl"
    output, batch = opened(path), entries(20)
    assert output.send(batch[:10]) == Ack()
    output.send(batch[10:])
    output.close()
    output.close()
    assert lines(path) == [one.payload for one in batch]
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


def test_a_file_that_is_moved_away_is_begun_again(tmp_path: Path) -> None:
    """After logrotate moved, removed or truncated the file, the output starts a new one."""
    path, batch = tmp_path / "events.jsonl", entries(40)
    output = opened(path)
    output.send(batch[:10])
    path.rename(tmp_path / "events.jsonl.1")
    output.send(batch[10:20])
    path.unlink()
    output.send(batch[20:30])
    assert lines(tmp_path / "events.jsonl.1") == [one.payload for one in batch[:10]]
    assert lines(path) == [one.payload for one in batch[20:30]]
    os.truncate(path, 0)
    output.send(batch[30:])
    output.close()
    assert lines(path) == [one.payload for one in batch[30:]]


@pytest.mark.parametrize("cut", [0, 1, 700, 2500])
def test_a_batch_that_was_half_written_comes_again(tmp_path: Path, cut: int) -> None:
    """After a crash in mid-batch the torn line is removed and complete lines are not written twice."""
    path, batch = tmp_path / "events.jsonl", entries(30)
    output = opened(path)
    output.send(batch[:10])
    size = path.stat().st_size
    output.send(batch[10:])
    output.close()
    os.truncate(path, size + cut)
    again = opened(path)
    again.send(batch[10:])
    again.close()
    assert lines(path) == [one.payload for one in batch]


def test_two_connections_of_one_file_lose_nothing(tmp_path: Path) -> None:
    """Traffic records come over a second connection: while it opens the file, it takes no half-written batch of the
    first for a torn line.
    """
    path, ended = tmp_path / "events.jsonl", threading.Event()
    output, other = opened(path, sync=False), File("archive-records", Options(path=path))

    def reopen() -> None:
        while not ended.is_set():
            other.open()
            other.close()

    thread = threading.Thread(target=reopen)
    thread.start()
    batches = [entries(2000, first=1 + 2000 * number, cases=("device_new",)) for number in range(10)]
    for batch in batches:
        output.send(batch)
    ended.set()
    thread.join()
    output.close()
    assert lines(path) == [one.payload for batch in batches for one in batch]


def test_two_connections_of_one_pipe_mix_no_lines(tmp_path: Path) -> None:
    """Batches are larger than what a pipe takes at once; each is written as a whole."""
    path, batches = tmp_path / "pipe", [entries(500, sensor=name) for name in ("one", "two")]
    os.mkfifo(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        os.set_blocking(reader.fileno(), True)
        outputs = [opened(path) for _ in batches]
        threads = [
            threading.Thread(target=output.send, args=(batch,)) for output, batch in zip(outputs, batches, strict=True)
        ]
        for thread in threads:
            thread.start()
        found = [reader.readline().rstrip(b"\n") for batch in batches for _ in batch]
        for thread in threads:
            thread.join()
    for output in outputs:
        output.close()
    assert sorted(found) == sorted(one.payload for batch in batches for one in batch)


def test_a_full_disk_leaves_no_torn_line(tmp_path: Path) -> None:
    """A batch that does not fit is not left in part: the next line of another connection would be joined to it."""
    path, batch = tmp_path / "events.jsonl", entries(40)
    child = os.fork()
    if child == 0:
        output = opened(path)
        output.send(batch[:10])
        size = path.stat().st_size
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3000, size + 3000))
        with contextlib.suppress(Retry):
            output.send(batch[10:])
        os._exit(0 if path.stat().st_size == size else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lines(path) == [one.payload for one in batch[:10]]


def test_what_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """A write error is reported with the reason of the system, and the batch is retried."""
    (tmp_path / "place").write_text("a file")
    output = File("archive", Options(path=tmp_path / "place" / "events.jsonl"))
    with pytest.raises(Retry, match=r"place/events\.jsonl: (Not a directory|File exists)"):
        output.open()
    full = opened(Path("/dev/full"))
    with pytest.raises(Retry, match="No space left"):
        full.send(entries(1))
    full.close()


def test_a_pipe_without_a_reader_does_not_hang(tmp_path: Path) -> None:
    """A pipe without a reader does not block the output."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(Retry, match=os.strerror(errno.ENXIO)):
        opened(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    output = opened(path)
    output.send(entries(2))
    output.close()
    assert os.read(reader, 1 << 16).count(b"\n") == 2
    os.close(reader)


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """``-`` is standard output; it stays open when the output is closed."""
    output = opened(Path("-"))
    output.send(entries(3))
    output.close()
    print("still open", flush=True)
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    """A check reports whether the file is writable, and writes nothing."""
    reported = {
        place: [(one.level, one.what) for one in File("a", Options(path=place)).check()]
        for place in (tmp_path / "x" / "y", tmp_path, Path("-"))
    }
    assert reported == {
        tmp_path / "x" / "y": [("ok", "permission")],
        tmp_path: [("error", "permission")],
        Path("-"): [("ok", "permission")],
    }
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_check_in_a_folder_that_is_closed_to_this_user(tmp_path: Path) -> None:
    """A path that this user cannot even look up is reported as not writable, with the folder in question."""
    tmp_path.chmod(0o700)
    child = os.fork()
    if child == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        found = list(File("a", Options(path=tmp_path / "x" / "y")).check())
        os._exit(0 if [(one.level, one.what) for one in found] == [("error", "permission")] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
