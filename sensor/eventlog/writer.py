"""EventLog: records as JSON lines, numbered without a gap. A log that exists is continued; a torn last line is cut off first."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import BinaryIO

from sensor.core.record import Record, encode

BUFFER = 256 * 1024
TAIL = 128 * 1024


class EventLog:
    """Where records go. ``torn``: bytes of a half-written last line that were cut off; ``written``: records of this run."""

    def __init__(self, path: Path | None, *, fresh: bool = False) -> None:
        """``path`` None: standard output. ``fresh``: begin the file anew. OSError where it cannot be written."""
        self.path = path
        self.written = self.torn = 0
        self._next = 1
        if path is None:
            self._file: BinaryIO = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=BUFFER)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if not fresh and path.is_file():
            self._continue(path)
        self._file = path.open("wb" if fresh else "ab", buffering=BUFFER)

    def _continue(self, path: Path) -> None:
        """Cut a torn last line and go on counting after the last whole one."""
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL, 0))
            tail = file.read()
            end = tail.rfind(b"\n") + 1
            self.torn = len(tail) - end
            if self.torn:
                file.truncate(size - self.torn)
        last = tail[:end].splitlines()[-1:] or [b""]
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._next = int(json.loads(last[0])["sensor"]["seq"]) + 1

    def write(self, record: Record) -> None:
        """Number a record and write its line; it may wait in the buffer until ``flush``."""
        record.sensor.seq = self._next
        self._file.write(encode(record) + b"\n")
        self._next += 1
        self.written += 1

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
