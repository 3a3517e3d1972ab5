"""A disk that is full, broken or read-only: the sensor keeps running, keeps the most important records, counts the lost
ones exactly, and recovers at once.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from sensor.core.record import RecordMaker
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.segments import segments
from tests.golden import Golden
from tests.reliability.live_logs import TS, BadDisk, numbers, open_log, record, texts
from tests.waiting import until

MEMORY_MIB = 64 / 1024
FAULTS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["write_error", "sync_error"])
def test_a_fault_that_passes_costs_nothing(tmp_path: Path, fault: int, where: str) -> None:
    """After a temporary fault all records are written in order within 5 s; writers never block; and it is reported
    once, at once.
    """
    path, disk, messages = tmp_path / "events.jsonl", BadDisk(), list[str]()
    log = open_log(path, disk, messages)
    log.write(record(0, "alert"))
    assert log.sync()
    setattr(disk, where, fault)
    began = time.monotonic()
    for number in range(1, 50):
        log.write(record(number, "alert"))
    assert time.monotonic() - began < 20
    until(lambda: bool(messages))
    (message,) = messages
    assert message.startswith("sensor.log_stalled: ")
    assert f" {path} " in message
    assert os.strerror(fault) in message
    assert list(log.news(TS)) == []
    setattr(disk, where, 0)
    assert log.sync(60)
    assert texts(path) == [f"number {number}" for number in range(50)]
    (news,) = log.news(TS)
    assert (news.check, news.severity, news.facts["count"], news.facts["reason"]) == (
        "sensor.log_resumed",
        "low",
        0,
        os.strerror(fault),
    )
    assert list(log.news(TS)) == []
    log.close()
    assert numbers(path) == list(range(1, 51))
    assert (log.written, len(messages)) == (50, 1)


@pytest.mark.parametrize("room", [1, 100, 333, 1000, 4095])
def test_a_line_that_only_half_fitted(tmp_path: Path, room: int) -> None:
    """When the disk fills up within a line, a reader sees no torn, repeated or missing line."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk)
    log.write(record(0))
    assert log.sync()
    reader = LogCursor(path)
    disk.room = room
    for number in range(1, 40):
        log.write(record(number))
    until(lambda: disk.room == 0)
    seen = [json.loads(line)["msg"] for _, line in reader.read()]
    disk.room = None
    assert log.sync(60)
    log.close()
    seen += [json.loads(line)["msg"] for _, line in reader.read()]
    reader.close()
    assert seen == texts(path) == [f"number {number}" for number in range(40)]
    assert (reader.missing, reader.damaged) == (0, 0)


def test_what_is_not_surely_down_is_written_once_more(tmp_path: Path) -> None:
    """After a failed fdatasync the system has dropped the unwritten data, and the next call succeeds without it."""

    class Forgetful(BadDisk):
        def sync(self, file: int) -> None:
            if self.sync_error:
                os.ftruncate(
                    file, 0
                )  # harsher than a disk: even data written before this group is lost unless it is written again
            super().sync(file)

    path, disk = tmp_path / "events.jsonl", Forgetful()
    log = open_log(path, disk)
    disk.sync_error = errno.EIO
    for number in range(20):
        log.write(record(number))
    until(lambda: disk.syncs > 0)
    disk.sync_error = 0
    assert log.sync(60)
    log.close()
    assert texts(path) == [f"number {number}" for number in range(20)]


def test_a_segment_that_fails_for_good_is_left_for_another(tmp_path: Path) -> None:
    """A bad sector needs no operator: the log continues in another segment."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk)
    log.write(record(0))
    assert log.sync()
    disk.only, disk.sync_error = path.stat().st_ino, errno.EIO
    log.write(record(1))
    assert log.sync(60)
    log.write(record(2))
    log.close()
    assert [one.first for one in segments(path)] == [1, 2]
    assert texts(path) == ["number 0", "number 1", "number 2"]
    assert numbers(path) == [1, 2, 3]


def test_alerts_are_the_last_to_go_and_all_is_counted(tmp_path: Path) -> None:
    """A flood while the disk fails: memory stays bounded, every alert is kept, and records in the log and counted
    losses add up.
    """
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk, memory_mib=MEMORY_MIB)
    log.write(record(0))
    assert log.sync()
    disk.write_error, reported = errno.ENOSPC, Counter[str]()
    for number in range(1, 2001):
        kind = "alert" if number % 50 == 0 else ("flow", "device", "sensor")[number % 3]
        reported[kind] += 1
        log.write(record(number, kind))
        assert log._backlog.size <= MEMORY_MIB * (1 << 20)
    disk.write_error = 0
    assert log.sync(60)
    (news,) = log.news(TS)
    log.close()
    kept = Counter(json.loads(line)["kind"] for line in path.read_bytes().splitlines()[1:])
    assert kept["alert"] == reported["alert"] == 40
    assert kept + Counter(news.facts["given_up"]) == reported
    assert news.facts["count"] == (reported - kept).total() == log.lost.total() > 1000
    assert news.severity == "high"
    assert numbers(path) == list(range(1, kept.total() + 2))
    health = RecordMaker("hq").sensor("health", news.ts, news.msg, news.severity, check=news.check, **news.facts)
    assert isinstance(health.facts, dict)
    assert health.facts["given_up"] == news.facts["given_up"]


def test_an_end_while_nothing_can_be_written(tmp_path: Path) -> None:
    """The sensor stops soon and reports how much is lost; the next run continues without a gap."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk)
    log.write(record(0))
    assert log.sync()
    disk.room = 500
    for number in range(1, 11):
        log.write(record(number, "alert"))
    until(lambda: disk.room == 0)
    began = time.monotonic()
    with pytest.raises(OSError, match=f"{os.strerror(errno.ENOSPC)}; "):
        log.close()
    assert time.monotonic() - began < 20
    kept = texts(path)
    assert path.read_bytes().endswith(b"\n")
    assert len(kept) + log.lost["alert"] == 11
    again = open_log(path)
    again.write(record(99))
    again.close()
    assert (again.torn, again.damages) == (0, [])
    assert numbers(path) == list(range(1, len(kept) + 2))


def test_a_full_disk_at_the_turn_of_a_segment(tmp_path: Path) -> None:
    """When the next segment cannot be created, no partial file has its name, and it is created once there is space."""
    path, disk = tmp_path / "events.jsonl", BadDisk()
    log = open_log(path, disk, segment_mib=1 / 1024)
    log.write(record(0, size=2000))
    assert log.sync()
    disk.room = 100
    log.write(record(1))
    until(lambda: disk.room == 0)
    assert [one.first for one in segments(path)] == [1]
    assert path.is_file()
    disk.room = None
    assert log.sync(60)
    log.close()
    assert [one.first for one in segments(path)] == [1, 2]
    assert texts(path) == ["number 0", "number 1"]


def test_a_disk_that_is_too_slow(golden: Golden, tmp_path: Path) -> None:
    """A disk that never fails but is slow: writers do not wait for it, and dropped records are counted."""
    begun = threading.Event()

    class Slow(BadDisk):
        def sync(self, file: int) -> None:
            begun.set()
            time.sleep(0.4)
            super().sync(file)

    path = tmp_path / "events.jsonl"
    log = open_log(path, Slow(), memory_mib=MEMORY_MIB)
    log.write(record(0, "alert"))
    assert begun.wait(60)
    began = time.monotonic()
    for number in range(1, 1001):
        log.write(record(number, "alert" if number % 100 == 0 else "flow"))
    assert time.monotonic() - began < 20  # a thousand waits for this disk are 400 s
    assert log.sync(60)
    (news,) = log.news(TS)
    log.close()
    assert news.check == "sensor.log_resumed"
    golden(news.facts["reason"])
    assert set(news.facts["given_up"]) == {"flow"}
    assert len(texts(path)) + news.facts["count"] == 1001
    assert numbers(path) == list(range(1, len(texts(path)) + 1))


# A real file system of 64 MB.

CHILD = """
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.reliability.live_logs import open_log, record, texts, numbers, TS
from tests.waiting import until
room = Path(sys.argv[1])
messages = []
"""
FULL = """
log = open_log(room / "events.jsonl", messages=messages, memory_mib=1)
sent = 0
def send(count, kind):
    global sent
    for _ in range(count):
        log.write(record(sent, kind, 1000))
        sent += 1
send(100, "device")
assert log.sync()
ballast = os.open(room / "ballast", os.O_WRONLY | os.O_CREAT)
try:
    while os.write(ballast, bytes(1 << 20)):
        pass
except OSError:
    pass
os.close(ballast)
while not messages:
    send(100, "device")
    time.sleep(0.01)
send(5000, "device")
send(100, "alert")
time.sleep(1.2)
(room / "ballast").unlink()
began = time.monotonic()
back = log.sync(10)
seconds = time.monotonic() - began
(news,) = log.news(TS)
log.close()
found = texts(room / "events.jsonl")
print(json.dumps({"sent": sent, "found": len(found), "alerts": found[-100:] == [f"number {n}" for n in range(sent - 100, sent)],
    "gaps": numbers(room / "events.jsonl") != list(range(1, len(found) + 1)), "back": back, "seconds": seconds, "lost": news.facts["count"],
    "reason": news.facts["reason"], "messages": len(messages)}))
"""
READ_ONLY = """
open_log(room / "events.jsonl").close()
os.system(f"mount -o remount,ro {room}")
try:
    open_log(room / "events.jsonl")
except OSError as error:
    print(json.dumps(error.strerror))
"""


def in_64_mib(folder: Path, root: Path, script: str) -> object:
    """The output of a script, run in its own mount namespace with a file system of 64 MiB."""
    mount = f'mount -t tmpfs -o size=64m none {folder} && exec {sys.executable} -c "$0" {folder} {root}'
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount (root)")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, CHILD + script], capture_output=True, check=False, timeout=60, cwd=root
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_file_system_that_is_full(tmp_path: Path, root: Path) -> None:
    """A real full file system: the sensor keeps running, recovers within 5 s of free space, with every alert, no gap,
    and an exact count.
    """
    reported = in_64_mib(tmp_path, root, FULL)
    assert isinstance(reported, dict)
    assert reported["back"]
    assert reported["seconds"] < 5
    assert (reported["alerts"], reported["gaps"], reported["messages"], reported["reason"]) == (
        True,
        False,
        1,
        os.strerror(errno.ENOSPC),
    )
    assert reported["found"] + reported["lost"] == reported["sent"]
    assert reported["lost"] > 3000


def test_a_file_system_that_is_read_only_at_the_start(golden: Golden, tmp_path: Path, root: Path) -> None:
    """A log that can never be written is reported before the run starts."""
    golden(in_64_mib(tmp_path, root, READ_ONLY))
