"""Shared by tests of the live log: records, settings for small segments, a disk with switchable faults, and the
contents of a log.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sensor.config import Retention
from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import SECOND
from sensor.eventlog.disk import Disk
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.log_cursor import LogCursor

TS = 1_795_511_647_318_442_123
MAKER = RecordMaker("hq", "HQ", "0.1.0")


def record(number: int, kind: str = "sensor", size: int = 0) -> Record:
    """A record that contains its number; ``kind`` overrides its own."""
    made = MAKER.sensor("health", TS + number * SECOND, f"number {number}", padding=["x" * 100] * (size // 100))
    made.kind = kind
    return made


def keep(**changed: Any) -> Retention:
    """Settings below the minimum of the configuration."""
    return Retention(**changed)


def open_log(path: Path, disk: Disk | None = None, messages: list[str] | None = None, **changed: Any) -> LiveLog:
    """Commits every 10 ms unless ``changed`` sets another time."""
    return LiveLog(
        path,
        keep(**{"commit_ms": 10, **changed}),
        disk=disk,
        complain=(messages if messages is not None else []).append,
        clock=lambda: TS / SECOND,
    )


def numbers(log: Path) -> list[int]:
    """All numbers of a log as its readers return them; unreadable records are an error."""
    cursor = LogCursor(log)
    try:
        found: list[int] = []
        while lines := cursor.read():
            found += [number for number, _ in lines]
        assert not cursor.damages
        return found
    finally:
        cursor.close()


def texts(log: Path) -> list[str]:
    """Messages of the records, in order."""
    cursor = LogCursor(log)
    try:
        found: list[str] = []
        while lines := cursor.read():
            found += [json.loads(line)["msg"] for _, line in lines]
        return found
    finally:
        cursor.close()


class BadDisk(Disk):
    """Fails while ``write_error`` or ``sync_error`` is set; ``room``: bytes until it is full; ``only``: the inode that
    fails, None: all.

    ``syncs``: number of sync calls.
    """

    def __init__(self) -> None:
        self.write_error = self.sync_error = 0
        self.room: int | None = None
        self.syncs = 0
        self.only: int | None = None

    def write(self, file: int, data: memoryview, place: int) -> int:
        if self.write_error and self.only in (None, os.fstat(file).st_ino):
            raise OSError(self.write_error, os.strerror(self.write_error))
        if self.room is not None:
            data = data[: self.room]
            self.room -= len(data)
            if not data:
                raise OSError(28, "No space left on device")
        return super().write(file, data, place)

    def sync(self, file: int) -> None:
        self.syncs += 1
        if self.sync_error and self.only in (None, os.fstat(file).st_ino):
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        super().sync(file)
