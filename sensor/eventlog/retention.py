"""Maintenance of closed segments: they are checked once for damage, compressed, and removed when they are old or too
many.

Segments are not removed before every output has them, unless the hard limit on disk space is reached: then the oldest
are removed, and the loss is reported. All of this happens in a thread of low priority; a disk error only delays it.

The age of a segment is computed from later ones: the time from each to the next, capped at two days or twice the time
that a segment may be open. A clock that jumps by a year makes nothing a year old, and a month in which no sensor ran
counts as two days.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import zstandard

from sensor.eventlog.cursors import delivered
from sensor.eventlog.disk import open_file, sync_folder
from sensor.eventlog.hint import BEGIN, Hint
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import Damage
from sensor.eventlog.segments import COMPRESSED, PLAIN, Segment, folder_of, segments

EVERY_S = 10.0
LOOK_PAUSE_S = 0.02
DAY_S = 86_400.0
LEVEL, NICE = 3, 19
# Lines of about this many bytes form a separate frame, so that damage affects only one frame.
FRAME = 1 << 17


class Shortened(NamedTuple):
    """Records that were removed before every output had them."""

    first: int
    last: int

    @property
    def records(self) -> int:
        return self.last - self.first + 1


class Retention:
    """``damages``: places in older segments that cannot be read; ``shortened``: losses to the hard limit. The reader of
    these lists clears them.
    """

    def __init__(
        self, log: Path, *, size: int, hard: int, age_s: float, segment_s: float = DAY_S, outputs: Sequence[str] = (),
        complain: Callable[[str], None] = print, clock: Callable[[], float] = time.time, every_s: float = EVERY_S,
    ) -> None:  # fmt: skip
        """``size``, ``hard``: bytes; ``segment_s``: how long a segment is open; ``outputs``: names of outputs that must
        have a segment before it is removed.
        """
        self._log, self._complain, self._clock, self._every_s = log, complain, clock, every_s
        self.limit(size=size, hard=hard, age_s=age_s, segment_s=segment_s, outputs=outputs)
        self._warned = ""
        self.damages: list[Damage] = []
        self.shortened: list[Shortened] = []
        self._wake, self._ending = threading.Event(), False
        self._thread: threading.Thread | None = None

    def limit(self, *, size: int, hard: int, age_s: float, segment_s: float, outputs: Sequence[str]) -> None:
        """Set the limits and the outputs, effective at the next check."""
        self._size, self._hard, self._age_s, self._outputs = size, hard, age_s, outputs
        self._step_s = 2 * max(segment_s, DAY_S)

    def start(self, until: int) -> None:
        """Start the thread. ``until``: the last number to check; later ones are written by this run."""
        self._thread = threading.Thread(target=self._work, args=(until,), name="log-retention", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """A segment was closed."""
        self._wake.set()

    def close(self, seconds: float | None = None) -> None:
        """Stop within ``seconds``; a segment that is being compressed stays unchanged."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def tidy(self) -> None:
        """Compress segments, then remove old ones."""
        try:
            for segment in segments(self._log)[:-1]:
                if not segment.compressed and not self._ending:
                    self._compress(segment)
            self._shorten()
            self._warned = ""
        except OSError as error:
            if str(error) != self._warned:
                self._warned = str(error)
                self._complain(f"closed segments of the event log were not changed: {error}")

    def look(self, until: int) -> Generator[None]:
        """Check the log up to a number, piece by piece, and record what is damaged or missing."""
        there = segments(self._log)
        if not there:
            return
        begin = self._begin(there[0].first, again=False)
        if begin < there[0].first:
            self.damages.append(
                Damage(
                    there[0].path.name,
                    0,
                    f"records {begin:,} to {there[0].first - 1:,}, which were before it, are missing",
                )
            )
        cursor = LogCursor(self._log, there[0].first - 1)
        try:
            seen, last = 0, there[0].first - 1
            while last < until and (lines := cursor.read()):
                for number, _ in lines:
                    if number > last + 1:
                        self.damages.append(
                            Damage(_holder(there, last + 1), 0, f"records {last + 1:,} to {number - 1:,} are missing")
                        )
                    last = number
                self.damages += cursor.damages[seen:]
                seen = len(cursor.damages)
                yield
            self.damages += cursor.damages[seen:]
        finally:
            cursor.close()

    def _begin(self, first: int, *, again: bool = True) -> int:
        """Record the first number of the log; ``again``: replace an earlier one. Returns the previous one, or the same
        if there was none.
        """
        hint = Hint(self._log, BEGIN)
        try:
            if again or not hint.number:
                hint.put(first)
                hint.sync()
            return hint.number or first
        finally:
            hint.close()

    def _work(self, until: int) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        looking, next_tidy = self.look(until), 0.0
        with contextlib.closing(looking):
            more = True
            while not self._ending:
                if time.monotonic() >= next_tidy or self._wake.is_set():
                    self._wake.clear()
                    self.tidy()
                    next_tidy = time.monotonic() + self._every_s
                if more:
                    more = self._look_on(looking)
                self._wake.wait(LOOK_PAUSE_S if more else self._every_s)

    def _look_on(self, looking: Iterator[None]) -> bool:
        try:
            return next(looking, self) is not self
        except OSError as error:
            self._complain(f"older segments of the event log cannot be read: {error}")
            return False

    def _compress(self, segment: Segment) -> None:
        """Both files exist until the compressed one is on disk; readers use the plain one as long as it exists."""
        new = segment.path.with_suffix(".new")
        path = segment.path.with_name(segment.path.name.replace(PLAIN, COMPRESSED))
        try:
            with segment.path.open("rb") as plain, os.fdopen(open_file(new, os.O_TRUNC), "wb") as packed:
                for frame in _frames(plain.readlines(FRAME) for _ in iter(int, 1)):
                    if self._ending:
                        break
                    packed.write(frame)
                packed.flush()
                os.fsync(packed.fileno())
                there = os.fstat(plain.fileno())
                os.fchmod(packed.fileno(), there.st_mode & 0o777)
            if self._ending:
                return
            os.utime(new, ns=(there.st_atime_ns, there.st_mtime_ns))
            new.replace(path)
            sync_folder(path.parent)
            segment.path.unlink()
        finally:
            new.unlink(missing_ok=True)

    def _shorten(self) -> None:
        there = [(segment, segment.path.stat()) for segment in segments(self._log)]
        total, done = sum(stat.st_size for _, stat in there), delivered(self._log, self._outputs)
        ages = _ages([stat.st_mtime for _, stat in there], self._clock(), self._step_s)
        for ((segment, stat), (following, _)), age in zip(pairwise(there), ages, strict=False):
            last = following.first - 1
            due = (total > self._size or age > self._age_s) and last <= done
            if not due and total <= self._hard:
                break
            self._begin(following.first)
            _remove(segment)
            total -= stat.st_size
            if last > done:
                self.shortened.append(Shortened(max(segment.first, done + 1), last))
        sync_folder(folder_of(self._log))


def _ages(times: Sequence[float], now: float, step_s: float) -> list[float]:
    """Age of the last write to each segment, in seconds. ``times``: clock times of the writes, in order of segments;
    ``step_s``: maximum counted between two of them.
    """
    ages: list[float] = []
    for written, later in zip(reversed(times), (now, *reversed(times)), strict=False):
        ages.append((ages[-1] if ages else 0.0) + min(max(0.0, later - written), step_s))
    return ages[::-1]


def _frames(pieces: Iterator[list[bytes]]) -> Iterator[bytes]:
    """Lines as compressed frames, each with a checksum."""
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    for lines in pieces:
        if not lines:
            return
        yield packer.compress(b"".join(lines))


def _remove(segment: Segment) -> None:
    """Remove a segment, and a compressed copy that a crash may have left beside it."""
    if not segment.compressed:
        segment.path.with_name(segment.path.name.replace(PLAIN, COMPRESSED)).unlink(missing_ok=True)
    segment.path.unlink()


def _holder(there: Sequence[Segment], number: int) -> str:
    """The name of the segment that contains a number."""
    return max((one for one in there if one.first <= number), default=there[0]).path.name
