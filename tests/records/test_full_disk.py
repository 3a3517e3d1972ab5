"""A full disk: records stop first, are counted, and continue when there is space. The event log gets the rest."""

from __future__ import annotations

import errno
import os
import queue
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from sensor.records import keeping, tail
from sensor.records.tail import MIB, RESERVE_MIB, SUFFIX, Tail
from sensor.records.tail_reader import files, piece
from sensor.telemetry.engine import Engine as Status
from tests.delivery.test_full_disk import reported_by
from tests.live_kit import Sensor, sensor_records
from tests.runtime.test_reload import refused

TIMEOUT_S = 60.0


class Usage(NamedTuple):
    """The result of ``shutil.disk_usage``."""

    total: int
    used: int
    free: int


class Written:
    """The tail of a live run, with its messages."""

    def __init__(self, folder: Path, **more: float) -> None:
        self.dropped: queue.Queue[int] = queue.Queue()
        self.reports: queue.Queue[str] = queue.Queue()
        self.tail = Tail(
            folder, {"sensor": "s"}, wait=False, dropped=self.dropped.put, complain=self.reports.put, **more
        )
        self.folder = folder / "tail"

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob(f"*{SUFFIX}"))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the free disk space in MiB."""

    def become(mib: int) -> None:
        monkeypatch.setattr(tail.shutil, "disk_usage", lambda _: Usage(mib * MIB, 0, mib * MIB))

    become(RESERVE_MIB)
    return become


def test_records_leave_room_for_the_event_log(tmp_path: Path, free: Callable[[int], None]) -> None:
    """Below the reserve nothing is written, and each lost row is counted; above it writing continues."""
    one = Written(tmp_path)
    begun = one.size()
    free(RESERVE_MIB - 1)
    for rows in (3, 4):
        one.tail.put(b"x" * 1000, 1, rows)
    assert [one.dropped.get(timeout=TIMEOUT_S) for _ in range(2)] == [3, 4]
    assert one.size() == begun
    assert one.reports.qsize() == 1
    free(RESERVE_MIB)
    one.tail.put(b"y" * 1000, 2, 5)
    one.tail.close()
    assert one.size() > begun + 1000
    assert (one.dropped.qsize(), one.reports.qsize()) == (0, 2)


def test_a_write_that_fails_halfway_leaves_whole_blocks(
    tmp_path: Path, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC after a part of a block: the part is removed, and the next block follows the last complete one."""
    one, write = Written(tmp_path), os.write
    begun, calls = one.size(), list[int]()

    def half(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[: len(data) // 2 if len(calls) == 1 else None])

    monkeypatch.setattr(tail.os, "write", half)
    one.tail.put(b"x" * 1000, 1, 3)
    assert one.dropped.get(timeout=TIMEOUT_S) == 3
    assert one.size() == begun
    one.tail.put(b"y" * 1000, 2, 5)
    one.tail.close()
    assert one.size() - begun == calls[-1] > 1000


def test_a_file_that_cannot_be_begun_is_begun_again(
    tmp_path: Path, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC in the first block of a file: nothing of it stays, and the next data go to a file with its context."""
    one, write, full = Written(tmp_path, file_mib=0.001), os.write, [True]

    def without_room(fd: int, data: memoryview) -> int:
        if full and b'"sensor": "s"' in bytes(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr(tail.os, "write", without_room)
    for rows in (3, 4):
        one.tail.put(b"x" * 2000, 1, rows)
    assert [one.dropped.get(timeout=TIMEOUT_S) for _ in range(2)] == [3, 4]
    full.clear()
    one.tail.put(b"y" * 2000, 2, 5)
    one.tail.close()
    assert one.dropped.qsize() == 0
    first, second = files(tmp_path)
    assert len(list(one.folder.iterdir())) == 2
    assert [len(piece(path, 0).blocks) for path in (first, second)] == [0, 1]


def test_lost_rows_are_in_the_summary_and_the_status(
    tmp_path: Path, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live sensor below the reserve: its summary and its status have the number of lost rows."""
    monkeypatch.setattr(keeping, "BYTES", 0)
    free(RESERVE_MIB - 1)
    one, seen = Sensor(tmp_path, "{}", traffic=tmp_path / "records"), list[int]()
    records = one.live(
        refused(100, 30), one.pause(), refused(200, 30), one.pause(),
        one.then(lambda run: seen.append(Status(0.0).facts(run._watched())["traffic_records"]["dropped"])),
    )  # fmt: skip
    lost = sensor_records(records, "summary")[-1]["capture"]["traffic_records_dropped"]
    assert 0 < seen[0] <= lost


# Delivers rows, then writes files while less and less space is left, and again with space.
STORY = """
import json, os, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sensor.core.time_units import SECOND
from sensor.records.tail import Tail
from tests.records.kill_engine import ROWS, section
from tests.records.kit_records import table

room = Path(sys.argv[1])
context = {"version": 1, "run": 1, "kinds": [], "sensor": "s", "site": "", "networks": [], "interfaces": ["eth0"]}
tail = Tail(room, context, wait=True, dropped=lambda _: os._exit(1), complain=print)
for number in range(40):
    tail.put(section(number * ROWS, number * SECOND), number * SECOND, ROWS)
tail.close()

def written():
    command = [sys.executable, "-m", "sensor.records.process", str(room), "1"]
    done = subprocess.run(command, input=b"\\n", capture_output=True, cwd=sys.argv[2])
    return [done.returncode, done.stderr.decode().splitlines()]

full = []
for left in (96, 64, 32, 0):
    with (room / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            ballast.truncate(ballast.tell() - left * 1024)
    full.append(written())
(room / "ballast").unlink()
print(json.dumps({"full": full, "again": written(), "rows": table(room, "conn").num_rows}))
"""


def test_the_process_of_a_replay_on_a_full_disk(tmp_path: Path, root: Path) -> None:
    """One line names the folder; the rows stay in the tail, and are written once there is space."""
    reported = reported_by(STORY, tmp_path, root)
    assert reported["full"][0][0] == 1
    for code, lines in reported["full"]:
        assert (len(lines), all(f"{tmp_path}/" in line for line in lines)) == (code, True), lines
    assert (reported["again"], reported["rows"]) == ([0, []], 2000)
