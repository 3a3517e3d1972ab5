"""Appender: numbers lines and appends them to the current segment of a log, so that a disk error loses no line and no
number.

Numbered lines stay in memory until they are on disk. A failed write resumes where it stopped, even within a line; if
the system cannot report what was written, the same bytes are written to the same offset again. So readers see the log
grow and never change. A segment gets its name once its first lines are on disk; then the link of the log is updated to
it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sensor.eventlog.disk import Disk, point, sync_folder
from sensor.eventlog.hint import Hint
from sensor.eventlog.segments import segment_path

# Where the number is inserted. Within a JSON string no quotation mark follows a comma: the first such position is the
# end of the sensor object.
MARK = b',"seq":0}'
_KIND = re.compile(rb'"kind":"(\w+)"')


class Appender:
    """``next``: the next number; ``path``: the current segment; ``closed``: number of segments ended; ``written``:
    lines on disk.
    """

    def __init__(self, log: Path, start: int, hint: Hint, disk: Disk, *, segment_bytes: int, segment_s: float) -> None:
        """``start``: the first number. Without ``resume`` the first lines begin a new segment."""
        self._log, self._hint, self._disk = log, hint, disk
        self._limit, self._age_s = segment_bytes, segment_s
        self.next = self._first = start
        self.path: Path | None = None
        self.closed = self.written = 0
        self._file, self._began = -1, 0.0
        # Bytes of the segment on disk; numbered bytes after them, and how many of those were passed to the system.
        self._down = self._done = 0
        self._pinned = bytearray()

    @property
    def pinned(self) -> int:
        """Bytes that are not on disk yet."""
        return len(self._pinned)

    def limit(self, segment_bytes: int, segment_s: float) -> None:
        """Set the limits at which a segment ends."""
        self._limit, self._age_s = segment_bytes, segment_s

    def resume(self, path: Path) -> None:
        """Continue in a segment. Raises OSError if it cannot be opened."""
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._down, self.path, self._began = os.fstat(self._file).st_size, path, time.monotonic()

    def add(self, lines: Sequence[bytes]) -> None:
        """Number lines. They are kept until they are on disk; ``push`` and ``sync`` write them."""
        self._pinned += b"".join(
            [line.replace(MARK, b',"seq":%d}' % number, 1) + b"\n" for number, line in enumerate(lines, self.next)]
        )
        self.next += len(lines)

    def push(self) -> None:
        """Pass remaining bytes to the system. Raises OSError if that fails; the next call continues there."""
        if self._file < 0:
            if self._pinned:
                self._begin()
            return
        with memoryview(self._pinned) as data:
            while self._done < len(data):
                self._done += self._disk.write(self._file, data[self._done :], self._down + self._done)

    def sync(self) -> None:
        """Wait until all bytes are on disk. Raises OSError if that fails; the next call retries."""
        self.push()
        if not self._pinned:
            return
        try:
            self._disk.sync(self._file)
        except OSError:
            # The system may have dropped data that it could not write, and would report success the next time.
            self._done = 0
            raise
        self._is_down()

    def turn(self) -> None:
        """End the segment if it is long or old enough, or was removed; the next lines begin another. Raises OSError
        like ``sync``.
        """
        if self._file < 0 or not self._down + self._done:
            return
        if (
            self._down + self._done >= self._limit
            or time.monotonic() - self._began >= self._age_s
            or not os.fstat(self._file).st_nlink
        ):
            self.sync()
            self._leave()

    def abandon(self) -> None:
        """The segment accepts no more data: lines not on disk go to a new segment."""
        if self._file >= 0:
            self._cut(self._down)
            self._leave()
        self._done = 0

    def close(self) -> Counter[str]:
        """Close. Returns the number of dropped lines by kind."""
        lost: Counter[str] = Counter()
        whole = self._pinned.rfind(b"\n", 0, self._done) + 1
        for line in bytes(self._pinned[whole:]).splitlines():
            kind = _KIND.search(line)
            lost[kind[1].decode() if kind else "unknown"] += 1
        if self._file >= 0:
            if self._done > whole:
                self._cut(self._down + whole)
            os.close(self._file)
            self._file = -1
        self._hint.put(self.next - lost.total())
        self._hint.sync()
        return lost

    def _begin(self) -> None:
        """Begin a segment with the numbered lines that are not on disk. It gets its name when they are on disk, or it
        does not exist.
        """
        path = segment_path(self._log, self._first)
        unnamed = path.with_suffix(".new")
        file = self._disk.create(unnamed)
        try:
            with memoryview(self._pinned) as data:
                done = 0
                while done < len(data):
                    done += self._disk.write(file, data[done:], done)
            self._disk.sync(file)
            unnamed.replace(path)
            sync_folder(path.parent)
            point(self._log, path)
        except OSError:
            os.close(file)
            with contextlib.suppress(OSError):
                unnamed.unlink(missing_ok=True)
            raise
        self._file, self.path, self._began, self._down = file, path, time.monotonic(), 0
        self._is_down()
        self._hint.sync()

    def _is_down(self) -> None:
        self.written += self.next - self._first
        self._down += len(self._pinned)
        self._pinned.clear()
        self._done, self._first = 0, self.next
        self._hint.put(self.next)

    def _leave(self) -> None:
        os.close(self._file)
        self._file, self._done = -1, 0
        self.closed += 1

    def _cut(self, size: int) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, size)
