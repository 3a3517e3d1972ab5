"""LiveLog: the event log of a live run, written by a separate thread. Producers of records never wait for the disk.

Records are written in groups (fdatasync) within a configured time; alerts and incidents at once. While the disk fails,
lines wait in bounded memory; the excess is dropped, alerts last, and its amount is reported once writing works again. A
record is numbered when it is written, so the numbers in the log have no gaps, whatever was dropped.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sensor.core.record import Record, encode
from sensor.core.record_parts import time_text
from sensor.eventlog.appender import Appender
from sensor.eventlog.backlog import LANES, URGENT, Backlog
from sensor.eventlog.disk import Disk
from sensor.eventlog.hint import Hint
from sensor.eventlog.log_news import LogFinding, damaged, resumed, shortened
from sensor.eventlog.resume import adopt, first_segment, prepare, resume, show
from sensor.eventlog.retention import Retention
from sensor.eventlog.writer import EMITTED_AFTER_S

MIB = 1 << 20
# Bytes that are written without waiting for more, and bytes that are synced without waiting for the group to end.
CHUNK, GROUP = 256 << 10, 4 * MIB
# How long a producer of records yields the GIL to the thread, if the thread needs it to keep up.
YIELD_S = 0.00005
RETRY_S, SYNC_S, CLOSE_S = 0.5, 10.0, 10.0
# Attempts after which a new segment replaces a failing one, unless the disk is full.
TRIES = 3
FULL = (errno.ENOSPC, errno.EDQUOT)


class Keep(Protocol):
    """Retention settings: the section ``retention`` of the configuration."""

    @property
    def segment_mib(self) -> float: ...
    @property
    def segment_h(self) -> float: ...
    @property
    def commit_ms(self) -> int: ...
    @property
    def memory_mib(self) -> float: ...
    @property
    def age_days(self) -> float: ...
    @property
    def size_mib(self) -> float: ...
    @property
    def hard_mib(self) -> float: ...


class _Stall(NamedTuple):
    reason: str
    since: float
    tries: int


class LiveLog:
    """Writes the log. ``torn``: bytes of an incomplete last line that were cut off; ``damages``: other damage in what
    an earlier run left.

    ``written``: records of this run on disk; ``lost``: dropped records by kind; ``shortened``: records that the hard
    limit removed before every output had them.
    """

    def __init__(
        self, path: Path, keep: Keep, *, outputs: Sequence[str] = (), clock: Callable[[], float] = time.time,
        complain: Callable[[str], None] = print, disk: Disk | None = None,
    ) -> None:  # fmt: skip
        """``path``: the log, whose folders are created; ``outputs``: those that must have a record before it is
        removed; ``complain`` gets a message about disk errors. Raises OSError if the log cannot be written.
        """
        self.path, self._clock, self._complain = path, clock, complain
        self._first = self._open(path, keep, disk or Disk())
        self._retention = Retention(
            path, size=int(keep.size_mib * MIB), hard=int(keep.hard_mib * MIB), age_s=keep.age_days * 86_400,
            segment_s=keep.segment_h * 3600,
            outputs=outputs, complain=complain, clock=clock,
        )  # fmt: skip
        self._backlog, self._commit_s = Backlog(int(keep.memory_mib * MIB)), keep.commit_ms / 1000
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        # Since when lines have waited to be synced, and to be written; the group must end at once; the thread sleeps
        # until it is woken.
        self._since: float | None = None
        self._arrived = 0.0
        # The thread waits for the disk, or for its next attempt.
        self._at_disk = False
        self._rounds = 0
        self._urgent = self._requested = self._ending = self._idle = self._closed = False
        self._stall: _Stall | None = None
        self._damages_reported = False
        self._ended: tuple[str, float] | None = None
        self._reported: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.shortened = 0

    def _open(self, path: Path, keep: Keep, disk: Disk) -> int:
        """Lock the folder, adopt the log of an earlier version, and continue where the last run ended. Returns the
        number of the next record.
        """
        self._folder = _lock(prepare(path), path)
        try:
            self.damages = adopt(path)
            self._hint = Hint(path)
        except OSError:
            os.close(self._folder)
            raise
        try:
            return self._resume(path, keep, disk)
        except OSError:
            self._hint.close()
            os.close(self._folder)
            raise

    def _resume(self, path: Path, keep: Keep, disk: Disk) -> int:
        """Continue where the last run ended. Returns the number of the next record."""
        start = resume(path, self._hint)
        self.torn = start.torn
        self.damages += start.damages
        self._appender = Appender(
            path,
            start.next,
            self._hint,
            disk,
            segment_bytes=int(keep.segment_mib * MIB),
            segment_s=keep.segment_h * 3600,
        )
        self._continue(start.path)
        return start.next

    @property
    def written(self) -> int:
        return self._appender.written

    @property
    def progress(self) -> int | None:
        """A counter of the thread's disk operations; None while it has nothing to do. It stops if the disk does not
        respond.
        """
        running = self._thread is None or self._thread.is_alive()
        return None if running and not self._at_disk else self._rounds

    def keep(self, keep: Keep, outputs: Sequence[str]) -> None:
        """Set the retention settings and the outputs."""
        self._appender.limit(int(keep.segment_mib * MIB), keep.segment_h * 3600)
        size, hard = int(keep.size_mib * MIB), int(keep.hard_mib * MIB)
        self._retention.limit(
            size=size, hard=hard, age_s=keep.age_days * 86_400, segment_s=keep.segment_h * 3600, outputs=outputs
        )
        self._backlog.limit, self._commit_s = int(keep.memory_mib * MIB), keep.commit_ms / 1000

    def write(self, record: Record) -> None:
        """Queue a record, which is written soon. Never waits for the disk."""
        record.sensor.seq = 0
        self._stamp(record, self._clock())
        line, urgent = encode(record), LANES.get(record.kind) == URGENT
        with self._condition:
            if not self._backlog.size:
                self._arrived = time.monotonic()
                self._since = self._since or self._arrived
            self._backlog.add(record.kind, line)
            self._urgent |= urgent
            if self._idle or urgent or self._backlog.size >= CHUNK:
                self._condition.notify()
        if self._thread is None:
            self._start()
        elif self._backlog.crowded and not self._at_disk:
            time.sleep(YIELD_S)

    def flush(self) -> None:
        """Does nothing: the thread writes within its time."""

    def sync(self, timeout_s: float = SYNC_S) -> bool:
        """Wait until all queued records are on disk; returns False after the timeout."""
        with self._condition:
            self._urgent = self._requested = self._since is not None
            self._condition.notify()
            return self._condition.wait_for(lambda: self._since is None, timeout_s)

    def news(self, now: int) -> Iterator[LogFinding]:
        """Findings since the last call. ``now``: ns."""
        if not self._damages_reported:
            self._damages_reported = True
            yield from damaged(now, self.damages)
        found, self._retention.damages = self._retention.damages, []
        self.damages += found
        yield from damaged(now, found)
        yield from self._resumed(now)
        gone, self._retention.shortened = self._retention.shortened, []
        if gone:
            self.shortened += sum(one.records for one in gone)
            yield shortened(now, gone)

    def telemetry(self) -> dict[str, Any]:
        """``written``, ``given_up`` by kind and ``shortened``, as above; ``waiting_bytes``: bytes that wait for the
        disk; ``stalled``: whether it accepts none.
        """
        with self._condition:
            lost, waiting, stalled = dict(self._backlog.given_up), self._backlog.size, self._stall is not None
        return {
            "written": self.written,
            "given_up": lost,
            "shortened": self.shortened,
            "waiting_bytes": waiting,
            "stalled": stalled,
        }

    def close(self, seconds: float = CLOSE_S) -> None:
        """Write the remaining records within ``seconds`` and close. Raises OSError if some could not be written: they
        are dropped. A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        with self._condition:
            self._ending = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        self._retention.close(seconds if self._thread is None or not self._thread.is_alive() else 0.0)
        if self._thread is not None and self._thread.is_alive():
            raise OSError(errno.EIO, "the disk does not answer", str(self.path))
        self._backlog.give_up()
        lost = self._appender.close()
        self._hint.close()
        os.close(self._folder)
        self.lost = self._backlog.given_up + lost
        if self._stall is not None:
            raise OSError(
                errno.EIO, f"{self._stall.reason}; {self.lost.total():,} records were dropped", str(self.path)
            )

    def _continue(self, path: Path | None) -> None:
        """Continue in a segment or begin one. On a full disk neither may be possible: the first lines then wait for
        room.
        """
        try:
            path = path or first_segment(self.path, self._appender.next)
            show(self.path, path)
        except OSError as error:
            if error.errno not in FULL:
                raise
        if path is not None:
            self._appender.resume(path)

    def _start(self) -> None:
        """Start the thread at the first record, when capture privileges have been dropped: a thread keeps the
        capabilities it started with.
        """
        self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
        self._thread.start()
        self._retention.start(self._first - 1)

    def _stamp(self, record: Record, now: float) -> None:
        if abs(now - datetime.fromisoformat(record.ts).timestamp()) > EMITTED_AFTER_S:
            record.emitted = time_text(int(now * 1e6) * 1000)

    # In the thread.

    def _work(self) -> None:
        while True:
            hurry = self._wait()
            self._rounds += 1
            ending = self._ending
            try:
                self._round(hurry or ending)
            except OSError as error:
                self._stall_on(error)
                if ending:
                    break
            else:
                if ending and not self._backlog:
                    break

    def _wait(self) -> bool:
        """Wait for work. Returns whether the group ends now."""
        with self._condition:
            if self._stall is not None:
                self._condition.wait_for(lambda: self._ending, RETRY_S)
                return True
            while not (self._ending or self._urgent or self._backlog.size >= CHUNK):
                left = self._since + self._commit_s - time.monotonic() if self._since is not None else None
                if left is not None and left <= 0:
                    return True
                self._idle = left is None
                self._condition.wait(left)
                self._idle = False
            return self._urgent or (self._since is not None and time.monotonic() >= self._since + self._commit_s)

    def _round(self, commit: bool) -> None:
        """Write waiting lines, and sync them if the group ends."""
        appender, stalled, closed = self._appender, self._stall is not None, self._appender.closed
        self._at_disk = True
        appender.push()
        appender.turn()
        if not stalled:
            self._at_disk = False
            with self._condition:
                lines, self._arrived = self._backlog.take(CHUNK), time.monotonic()
            appender.add(lines)
            self._at_disk = True
            appender.push()
        if commit or stalled or appender.pinned >= GROUP:
            self._commit()
        self._at_disk = False
        if appender.closed > closed:
            self._retention.wake()

    def _commit(self) -> None:
        self._appender.sync()
        with self._condition:
            if self._stall is not None:
                self._ended = (self._stall.reason, self._stall.since)
                self._stall = None
            # More lines may have arrived meanwhile, some of them urgent.
            self._since = self._arrived if self._backlog else None
            self._requested = self._requested and self._since is not None
            self._urgent = self._requested or self._backlog.urgent
            self._condition.notify_all()

    def _stall_on(self, error: OSError) -> None:
        """The disk accepts no data."""
        reason = os.strerror(error.errno) if error.errno else str(error)
        if self._stall is None:
            self._stall = _Stall(reason, time.monotonic(), 1)
            self._complain(
                f"sensor.log_stalled: the event log {self.path} cannot be written: {reason}; records are kept in memory"
            )
            return
        self._stall = _Stall(reason, self._stall.since, self._stall.tries + 1)
        if error.errno not in FULL and self._stall.tries % TRIES == 0:
            self._appender.abandon()

    # Findings about the log.

    def _resumed(self, now: int) -> Iterator[LogFinding]:
        with self._condition:
            if self._stall is not None:
                return
            ended, self._ended = self._ended, None
            lost = self._backlog.given_up - self._reported
            self._reported = self._backlog.given_up.copy()
            self.lost = self._reported.copy()
        if ended is None and not lost:
            return
        reason, since = ended or ("the disk is too slow", time.monotonic())
        yield resumed(now, reason, time.monotonic() - since, lost)


def _lock(folder: Path, log: Path) -> int:
    """Lock the folder of segments for one writer. Raises OSError if another has the lock."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise OSError(errno.EBUSY, "another sensor is writing it", str(log)) from None
    return file
