"""Appender: numbers lines and appends them to the current segment of a log, so that a disk error loses no line and no
number.

Numbered lines stay in memory until they are written. A failed write resumes where it stopped, within a half-written
line; if the system cannot report what was written, the same bytes are written to the same place again. So readers see
the log grow and never change. A segment gets its name once its first lines are written; then the link of the log is
updated to it.
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

# Where the number goes. Within a text of JSON no quotation mark follows a comma: the first place like this is the
# sensor's.
MARK = b',"seq":0}'
_KIND = re.compile(rb'"kind":"(\w+)"')


class Appender:
    """``next``: the next number; ``path``: the current segment; ``closed``: how many segments were ended; ``written``:
    lines that are down.
    """

    def __init__(self, log: Path, start: int, hint: Hint, disk: Disk, *, segment_bytes: int, segment_s: float) -> None:
        """``start``: the first number. Without ``resume`` the first lines begin a segment."""
        self._log, self._hint, self._disk = log, hint, disk
        self._limit, self._age_s = segment_bytes, segment_s
        self.next = self._first = start
        self.path: Path | None = None
        self.closed = self.written = 0
        self._file, self._began = -1, 0.0
        # Bytes of the segment that are down; numbered bytes behind them, and how many of those the system has taken.
        self._down = self._done = 0
        self._pinned = bytearray()

    @property
    def pinned(self) -> int:
        """Bytes that are not down yet."""
        return len(self._pinned)

    def limit(self, segment_bytes: int, segment_s: float) -> None:
        """When a segment ends, from now on."""
        self._limit, self._age_s = segment_bytes, segment_s

    def resume(self, path: Path) -> None:
        """Go on in a segment. OSError where it cannot be opened."""
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._down, self.path, self._began = os.fstat(self._file).st_size, path, time.monotonic()

    def add(self, lines: Sequence[bytes]) -> None:
        """Number lines. They are kept until they are down; ``push`` and ``sync`` see to it."""
        self._pinned += b"".join(
            [line.replace(MARK, b',"seq":%d}' % number, 1) + b"\n" for number, line in enumerate(lines, self.next)]
        )
        self.next += len(lines)

    def push(self) -> None:
        """Hand over what the system does not have yet. OSError where it does not take it; the next
        call continues there.
        """
        if self._file < 0:
            if self._pinned:
                self._begin()
            return
        with memoryview(self._pinned) as data:
            while self._done < len(data):
                self._done += self._disk.write(self._file, data[self._done :], self._down + self._done)

    def sync(self) -> None:
        """Wait until everything is down. OSError where that fails; the next call does it again."""
        self.push()
        if not self._pinned:
            return
        try:
            self._disk.sync(self._file)
        except OSError:
            # The system may have dropped what it could not write, and would report success the next time.
            self._done = 0
            raise
        self._is_down()

    def turn(self) -> None:
        """End the segment if it is long or old enough, or was removed; the next lines begin another. Raises OSError as
        ``sync`` does.
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
        """The segment accepts no more data: what was not written goes to a new one."""
        if self._file >= 0:
            self._cut(self._down)
            self._leave()
        self._done = 0

    def close(self) -> Counter[str]:
        """Close. What was not taken is given up: how many, by kind."""
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
        """A segment that holds what is numbered and not down. It has its name when they are down,
        or it is not there.
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
