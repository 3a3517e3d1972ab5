"""Memory that capture files are read into: a few blocks and row arrays, which are reused, so that it does not grow with
the file.

Batches share a block; it is free when the reader and the last batch have released it. A batch that is never released
costs only a new block: nothing blocks.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import numpy.typing as npt

from sensor.core.batch import ROW, Batch

Rows = npt.NDArray[np.void]

BLOCK = 4 << 20
"""Bytes of a block."""

MAX_ROWS = 16384
"""Rows of a batch."""

KEPT = 8
"""Free blocks and row arrays that are kept; what comes back beyond that is left to Python."""


class Block:
    """``data`` is for the one who fills it, ``view`` for readers."""

    __slots__ = ("data", "memory", "users", "view")

    def __init__(self, size: int) -> None:
        self.data = np.empty(size, np.uint8)
        self.view = self.data.view()
        self.view.flags.writeable = False
        self.memory = self.data.data
        self.users = 0

    def __len__(self) -> int:
        return len(self.memory)


class Pool:
    """Blocks of ``size`` bytes and arrays of ``rows`` rows. Batches may be released from any thread, in any order."""

    def __init__(self, size: int = BLOCK, rows: int = MAX_ROWS) -> None:
        self.size, self.row_count = size, rows
        self._blocks: deque[Block] = deque(maxlen=KEPT)
        self._rows: deque[Rows] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def take(self, size: int = 0) -> Block:
        """A block of at least ``size`` bytes, with one user. Larger ones than usual are made for the occasion."""
        block = None
        if size <= self.size:
            with self._lock:
                block = self._blocks.pop() if self._blocks else None
        if block is None:
            block = Block(max(size, self.size))
        block.users = 1
        return block

    def drop(self, block: Block) -> None:
        """One user less."""
        with self._lock:
            block.users -= 1
            if block.users == 0 and len(block) == self.size:
                self._blocks.append(block)

    def rows(self) -> Rows:
        """An array for the rows of a batch; what is in it is old."""
        with self._lock:
            if self._rows:
                return self._rows.pop()
        return np.empty(self.row_count, ROW)

    def batch(self, block: Block, rows: Rows, filled: int) -> Batch:
        """The first rows of an array from ``rows`` as a batch; it is a user of the block until it is released."""
        with self._lock:
            block.users += 1
        return Batch(block.view, rows[:filled], _Lease(self, block, rows).end)

    def keep(self, rows: Rows) -> None:
        """Take an array of rows back."""
        with self._lock:
            self._rows.append(rows)


class _Lease:
    """What one batch has of a pool."""

    __slots__ = ("_held", "_pool")

    def __init__(self, pool: Pool, block: Block, rows: Rows) -> None:
        self._pool = pool
        self._held: list[tuple[Block, Rows]] = [(block, rows)]

    def end(self) -> None:
        """Give it back; a second call does nothing."""
        while self._held:
            block, rows = self._held.pop()
            self._pool.drop(block)
            self._pool.keep(rows)


def nothing() -> Batch:
    """The empty batch of a source that waits."""
    return Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))
