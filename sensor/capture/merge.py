"""Merges captures by time: files are opened when their time comes, and batches are passed on uncopied as long as files
do not overlap.

Within a file, the order of the file is kept. Rows are merged by a key that never decreases within a batch: the earliest
time among the row and those after it, where single rows that are earlier than both neighbors do not count. A single
invalid time thus moves at most the rows of its own batch, and never delays a file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.capture.blocks import Pool, Rows, nothing
from sensor.capture.capture_file import CaptureFile
from sensor.core.batch import Batch
from sensor.core.time_units import DAY
from sensor.decode.records import gather

MOST_OPEN = 64
"""Number of files open at once. If more overlap, a further one is opened when another ends: those are ordered by their
first packets only.
"""


Keys = npt.NDArray[np.int64]


def merge_keys(rows: Rows) -> Keys:
    """The keys to merge rows by: non-decreasing, insensitive to single invalid times, equal to the times if these are
    in order.
    """
    ts = rows["ts"].astype(np.int64)
    if len(ts) > 2:
        before, here, after = ts[:-2], ts[1:-1], ts[2:]
        back, last = (here < before) & (before <= after), ts[-1]
        # For the last row, which has no next row, a step of a day or more counts as an invalid time.
        if last < min(ts[-3], ts[-2]) or last - ts[-2] > DAY:
            ts[-1] = ts[-2]
        here[back] = before[back]
    return np.minimum.accumulate(ts[::-1])[::-1]


class Pending(NamedTuple):
    """A file that is opened when its time comes. ``order`` decides between equal times."""

    first: int
    order: int
    open: Callable[[], CaptureFile | None]


class _Head:
    """A file being merged, and the rest of its current batch."""

    __slots__ = ("at", "batch", "file", "keys", "order")

    def __init__(self, file: CaptureFile, order: int, batch: Batch) -> None:
        self.file, self.order = file, order
        self.put(batch)

    def put(self, batch: Batch) -> None:
        self.batch, self.keys, self.at = batch, merge_keys(batch.rows), 0

    @property
    def last(self) -> tuple[int, int]:
        return int(self.keys[-1]), self.order


class _Part(NamedTuple):
    """Rows ``start:stop`` of a head."""

    head: _Head
    start: int
    stop: int


class Merge:
    """Merges files, passed in order of their first packets. ``settle`` gets each file that has no more data, at least
    for now.
    """

    def __init__(
        self, pending: list[Pending], pool: Pool, stopped: Callable[[], bool], settle: Callable[[CaptureFile], None]
    ) -> None:
        self._pending = deque(sorted(pending))
        self._pool, self._stopped, self._settle = pool, stopped, settle
        self._heads: list[_Head] = []

    def batches(self) -> Iterator[Batch]:
        """Batches until all files are read, or ``stopped`` is true."""
        while (self._heads or self._pending) and not self._stopped():
            if self._next_is_due():
                yield from self._open(self._pending.popleft())
            elif len(self._heads) == 1 and not self._pending:
                yield from self._alone(self._heads.pop())
            else:
                yield from self._window()

    def _next_is_due(self) -> bool:
        if not self._pending or len(self._heads) >= MOST_OPEN:
            return False
        return not self._heads or self._pending[0].first <= min(head.last for head in self._heads)[0]

    def _open(self, pending: Pending) -> Iterator[Batch]:
        file = pending.open()
        if file is None:
            return
        if not self._heads and not self._pending:
            yield from self._rest(file)
            return
        batch = yield from self._read(file)
        if batch is not None:
            self._heads.append(_Head(file, pending.order, batch))
            self._heads.sort(key=lambda head: head.order)

    def _read(self, file: CaptureFile) -> Generator[Batch, None, Batch | None]:
        """The next batch of a file, or None if it has no more data. Waits for pipes, yielding empty batches."""
        while not self._stopped():
            batch = file.step()
            if batch is not None:
                return batch
            if file.done or (file.waiting and file.followed):
                break
            if file.waiting:
                yield nothing()
        self._settle(file)
        return None

    def _rest(self, file: CaptureFile) -> Iterator[Batch]:
        """The last file needs no merging."""
        while (batch := (yield from self._read(file))) is not None:
            yield batch

    def _alone(self, head: _Head) -> Iterator[Batch]:
        yield _cut(head.batch, head.at, len(head.batch))
        yield from self._rest(head.file)

    def _window(self) -> Iterator[Batch]:
        """All rows up to the end of the batch that ends first: no other file can have earlier rows."""
        first = min(self._heads, key=lambda head: head.last)
        end = first.last[0]
        parts = []
        for head in self._heads:
            side = "right" if head.order < first.order else "left"
            stop = len(head.keys) if head is first else int(np.searchsorted(head.keys, end, side))  # type: ignore[call-overload]
            if stop > head.at:
                parts.append(_Part(head, head.at, stop))
                head.at = stop
        if len(parts) == 1:
            yield _cut(first.batch, parts[0].start, parts[0].stop)
        else:
            yield from self._copied(parts)
            first.batch.release()
        batch = yield from self._read(first.file)
        if batch is None:
            self._heads.remove(first)
        else:
            first.put(batch)

    def _copied(self, parts: list[_Part]) -> Iterator[Batch]:
        """The rows of several batches sorted by time, copied with their frames to new blocks."""
        order = np.argsort(np.concatenate([part.head.keys[part.start : part.stop] for part in parts]), kind="stable")
        which = np.repeat(np.arange(len(parts)), [part.stop - part.start for part in parts])[order]
        index = np.concatenate([np.arange(part.start, part.stop) for part in parts])[order]
        sizes = np.concatenate([part.head.batch.rows["caplen"][part.start : part.stop] for part in parts])[
            order
        ].astype(np.int64)
        ends = np.cumsum(sizes)
        begin = 0
        while begin < len(order):
            base = int(ends[begin] - sizes[begin])
            stop = max(
                begin + 1,
                min(begin + self._pool.row_count, int(np.searchsorted(ends, base + self._pool.size, "right"))),
            )
            block, rows = self._pool.take(int(ends[stop - 1]) - base), self._pool.rows()
            frames = ends[begin:stop] - sizes[begin:stop] - base
            for number, part in enumerate(parts):
                places = np.flatnonzero(which[begin:stop] == number)
                gather(
                    part.head.batch.data,
                    part.head.batch.rows,
                    index[begin:stop][places],
                    places,
                    frames[places],
                    block.data,
                    rows,
                )
            batch = self._pool.batch(block, rows, stop - begin)
            self._pool.drop(block)
            yield batch
            begin = stop


def _cut(batch: Batch, start: int, stop: int) -> Batch:
    return batch if stop - start == len(batch) else Batch(batch.data, batch.rows[start:stop], batch.release)
