"""Memory that capture files are read into: a few blocks and row arrays, which are reused, so that memory use does not
grow with the file.

Several batches can share a block; it is free when the reader and the last batch have released it. A batch that is never
released only costs a new block; nothing waits for it.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import numpy.typing as npt

from sensor.core.batch import ROW, Batch

Rows = npt.NDArray[np.void]

BLOCK = 2 << 20
"""Bytes per block."""

MAX_ROWS = 16_384
"""Rows per batch."""

KEPT = 8
"""Number of free blocks and row arrays that are kept; further ones are left to the garbage collector."""


class Block:
    """``data`` is writable, for the reader of the file; ``view`` is read-only, for users of batches."""

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
        """A block of at least ``size`` bytes with one user. Blocks larger than usual are not reused."""
        block = None
        if size <= self.size:
            with self._lock:
                block = self._blocks.pop() if self._blocks else None
        if block is None:
            block = Block(max(size, self.size))
        block.users = 1
        return block

    def drop(self, block: Block) -> None:
        """Remove one user of a block; a block without users is free."""
        with self._lock:
            block.users -= 1
            if block.users == 0 and len(block) == self.size:
                self._blocks.append(block)

    def rows(self) -> Rows:
        """An array for the rows of a batch, with stale contents."""
        with self._lock:
            if self._rows:
                return self._rows.pop()
        return np.empty(self.row_count, ROW)

    def batch(self, block: Block, rows: Rows, filled: int) -> Batch:
        """The first rows of an array from ``rows`` as a batch, which uses the block until it is released."""
        with self._lock:
            block.users += 1
        return Batch(block.view, rows[:filled], _Lease(self, block, rows).end)

    def keep(self, rows: Rows) -> None:
        """Return an array of rows to the pool."""
        with self._lock:
            self._rows.append(rows)


class _Lease:
    """The block and the row array that one batch has borrowed from a pool."""

    __slots__ = ("_held", "_pool")

    def __init__(self, pool: Pool, block: Block, rows: Rows) -> None:
        self._pool = pool
        self._held: list[tuple[Block, Rows]] = [(block, rows)]

    def end(self) -> None:
        """Return both to the pool; a second call does nothing."""
        while self._held:
            block, rows = self._held.pop()
            self._pool.drop(block)
            self._pool.keep(rows)


def nothing() -> Batch:
    """An empty batch, for a source that waits."""
    return Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))
