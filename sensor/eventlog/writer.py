"""EventLog: records as JSON lines in one file or stream, numbered without gaps; live runs use ``live_log.py``.

An existing log is continued: ``seq`` follows that of its last complete line, and a last line that a crash has left
incomplete is cut off and counted. A file with other content is left unchanged. A lock ensures one writer per file.
Lines wait in a buffer until ``flush``, until there are many, or until ``close``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sensor.core.record import Record, encode
from sensor.core.record_parts import time_text
from sensor.eventlog.segments import folder_of, number_of

BUFFER = 256 * 1024
TAIL = 1024 * 1024
"""Bytes at the end of a file in which its last complete line is searched for; a line has at most 64 KiB."""

FIRST_KEY = b'{"ts":'
EMITTED_AFTER_S = 1.0


class EventLog:
    """Writes records. ``torn``: bytes of an incomplete last line that were cut off; ``damages``: always empty;
    ``written``: records of this run.
    """

    damages: tuple[()] = ()

    def __init__(
        self, target: Path | BinaryIO | None, *, fresh: bool = False, clock: Callable[[], float] | None = None
    ) -> None:
        """``target``: path of a file (folders are created), an open binary stream, or None: standard output. ``fresh``:
        truncate the file.

        ``clock`` (live runs): seconds since the epoch, for ``emitted``. Raises OSError if the target cannot be written.
        """
        self.path = target if isinstance(target, Path) else None
        self.written = self.torn = 0
        self._next = 1
        self._clock = clock
        self._lines: list[bytes] = []
        self._size = 0
        self._file = (
            self._open(target, fresh=fresh) if isinstance(target, Path) else os.dup((target or sys.stdout).fileno())
        )

    def write(self, record: Record) -> None:
        """Number a record and write its line; it may wait in the buffer until ``flush``. Raises OSError like
        ``flush``.
        """
        record.sensor.seq = self._next
        if self._clock is not None:
            self._stamp(record, self._clock())
        line = encode(record) + b"\n"
        self._next += 1
        self.written += 1
        self._lines.append(line)
        self._size += len(line)
        if self._size >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write all lines. Raises OSError if that fails, BrokenPipeError if the reader has closed the pipe; what could
        not be written is dropped.
        """
        data = memoryview(b"".join(self._lines))
        self._lines, self._size = [], 0
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Flush and close. A second call does nothing."""
        if self._file < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._file)
            self._file = -1

    def _stamp(self, record: Record, now: float) -> None:
        if abs(now - datetime.fromisoformat(record.ts).timestamp()) > EMITTED_AFTER_S:
            record.emitted = time_text(int(now * 1e6) * 1000)

    def _open(self, path: Path, *, fresh: bool) -> int:
        if path.is_symlink() and folder_of(path).is_dir():
            raise OSError(errno.EINVAL, "it is the log of the live sensor: specify another", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        way = os.O_WRONLY if path.is_fifo() else os.O_RDWR
        file = os.open(path, way | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                _lock(file, path)
                self._resume(file, path)
                if fresh:
                    os.ftruncate(file, 0)
                    self._next, self.torn = 1, 0
        except OSError:
            os.close(file)
            raise
        return file

    def _resume(self, file: int, path: Path) -> None:
        """Cut off an incomplete last line, and continue numbering after the last readable line."""
        size = os.fstat(file).st_size
        start = max(0, size - TAIL)
        tail = os.pread(file, size - start, start)
        whole = start + tail.rfind(b"\n") + 1
        for line in reversed(tail[: whole - start].splitlines()):
            if (number := number_of(line)) is not None:
                self._next = number + 1
                break
        else:
            if size and not (whole == 0 and tail.startswith(FIRST_KEY[:size])):
                raise OSError(errno.EINVAL, "it is not an event log, and was not changed", str(path))
        if whole < size:
            self.torn = size - whole
            os.ftruncate(file, whole)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another sensor is writing it", str(path)) from None
