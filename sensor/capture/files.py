"""Capture files as a source of packets: any number of files, folders and pipes, merged by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sensor.capture.blocks import Pool
from sensor.capture.capture_file import CaptureFile, Unreadable
from sensor.capture.compression import Limits
from sensor.capture.follow import Follower
from sensor.capture.merge import Merge, Pending, merge_keys
from sensor.capture.paths import expand
from sensor.capture.source import Damage, Tally
from sensor.capture.streams import FileStream, open_stream, waits
from sensor.core.batch import Batch
from sensor.core.reader import clean

__all__ = ["CaptureFiles", "Limits", "Unreadable", "open_captures"]

SMALL_BLOCK, SMALL_ROWS = 256 << 10, 2048
"""Sizes for files that are followed or merged with several others, so that many open files need little memory."""

FEW = 4
PEEK_BLOCK, PEEK_ROWS, PEEKS = 64 << 10, 256, 16
"""Block size, rows and number of blocks when searching a file for its first packet."""

MOST_SOURCES = 65535
"""The row column ``source`` has 16 bits; files beyond that share the last name."""

NAMED = 3
"""Number of files that the name of a source of several files has."""

FAULTS_LIMIT = 10_000
"""Number of damages and unreadable files that are kept, for a run that follows a folder for years."""


class CaptureFiles:
    """The source returned by ``open_captures``. ``unreadable``: files without any packet; ``all_unreadable``: all
    files are; ``total_bytes`` is 0 if the total is unknown.
    """

    def __init__(self, paths: Sequence[str], *, follow: bool, limits: Limits) -> None:
        more = f" and {len(paths) - NAMED} more files" if len(paths) > NAMED + 1 else ""
        self.name = ", ".join(map(clean, paths[:NAMED] if more else paths)) + more
        self.names: list[str] = []
        self.tally = Tally()
        self.damages: list[Damage] = []
        self.unreadable: list[Unreadable] = []
        self.total_bytes = 0
        self._follow, self._limits = follow, limits
        self._pool, self._small, self._tiny = Pool(), Pool(SMALL_BLOCK, SMALL_ROWS), Pool(PEEK_BLOCK, PEEK_ROWS)
        self._open: list[CaptureFile] = []
        self._read = 0
        self._stopped = False
        files = expand(paths)
        pending = self._look(files)
        self.all_unreadable = not pending and not follow
        self._merge = Merge(pending, self._pool, lambda: self._stopped, self._settle)
        self._follower = Follower(paths, files, self._start, self._settle) if follow else None

    @property
    def read_bytes(self) -> int:
        """Bytes read, out of ``total_bytes``."""
        return self._read + sum(file.stream.taken for file in self._open)

    def batches(self) -> Iterator[Batch]:
        """All packets. Empty batches while a pipe or a followed file has no data; followed files end with ``stop``."""
        for batch in self._all():
            self.tally.add(batch.rows)
            yield batch
            if self._stopped:
                return

    def backlog(self) -> float:
        """Always 0: a file waits for its reader."""
        return 0.0

    def stop(self) -> None:
        """End ``batches`` soon. Safe in a signal handler and from any thread."""
        self._stopped = True
        if self._follower is not None:
            self._follower.stopped = True

    def close(self) -> None:
        """Close all files. A file that is still being written may end inside a record: that is no damage."""
        self.stop()
        for file in list(self._open):
            file.close()
            self._settle(file)

    def _all(self) -> Iterator[Batch]:
        yield from self._merge.batches()
        if self._follower is not None:
            yield from self._follower.batches()

    def _look(self, files: Sequence[str]) -> list[Pending]:
        """Read the first packet of every file. Unreadable files are reported immediately."""
        pending, known = [], not self._follow
        for order, path in enumerate(files):
            first: int | None = 0
            if waits(path):
                known = False
            else:
                first = self._first(path)
            if first is not None:
                pending.append(Pending(first, order, partial(self._start, path)))
        if not known:
            self.total_bytes = 0
        return pending

    def _first(self, path: str) -> int | None:
        """Time at which the first packet of a file is merged; 0 if it is not found quickly, None if the file is
        unreadable.
        """
        file = self._opened(path, 0, self._tiny)
        if file is None:
            return None
        size, first = file.stream.size, 0
        for _ in range(PEEKS):
            batch = file.step()
            if batch is not None:
                first = int(merge_keys(batch.rows)[0])
                batch.release()
            if batch is not None or file.done or file.waiting:
                break
        file.close()
        if file.unreadable is not None:
            self._refuse(file.unreadable)
            return None
        self.total_bytes += size
        return first

    def _start(self, path: str) -> CaptureFile | None:
        """Open a file for reading; reports a fault and returns None if it cannot be opened."""
        few = len(self._open) < FEW and not self._follow
        file = self._opened(path, min(len(self.names), MOST_SOURCES - 1), self._pool if few else self._small)
        if file is not None:
            self._open.append(file)
            if len(self.names) < MOST_SOURCES:
                self.names.append(file.name)
        return file

    def _opened(self, path: str, source: int, pool: Pool) -> CaptureFile | None:
        try:
            stream = open_stream(path, follow=self._follow)
        except OSError as error:
            self._refuse(Unreadable(clean(path), error.strerror or "cannot be opened"))
            return None
        return CaptureFile(
            path, source, stream, pool, self._limits, followed=self._follow and isinstance(stream, FileStream)
        )

    def _settle(self, file: CaptureFile) -> None:
        """A file has no more data for now: take its results, and close it if it has ended."""
        if file.dropped:
            self.tally.dropped[file.name] = file.dropped
        if not file.done:
            if self._follower is not None and file.followed:
                self._follower.take(file)
            return
        if file not in self._open:
            return
        self._open.remove(file)
        self._read += max(file.stream.size, file.stream.taken)
        if file.damage is not None and len(self.damages) < FAULTS_LIMIT:
            self.damages.append(file.damage)
        if file.unreadable is not None:
            self._refuse(file.unreadable)

    def _refuse(self, unreadable: Unreadable) -> None:
        if len(self.unreadable) < FAULTS_LIMIT:
            self.unreadable.append(unreadable)


def open_captures(paths: Sequence[str], *, follow: bool = False, limits: Limits = Limits()) -> CaptureFiles:  # noqa: B008  (frozen)
    """Capture files, folders, patterns or ``-`` as one source. Never raises for faults of the files: see ``unreadable``
    and ``damages``.
    """
    return CaptureFiles(paths, follow=follow, limits=limits)
