"""Regularity of repeated connections, for many pairs at once.

A table of fixed size measures how regular each pair is, without Python per row. Flows of a pair closer than GAP are one
contact, so that a web page with twenty connections counts once. For each pair the last intervals are kept and the sizes
of its flows are summed. A pair whose slot is taken is followed once the other pair is idle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.time_units import SECOND

GAP = 5 * SECOND
# How long an inactive pair keeps its slot: a new pair, and one with a rhythm.
BRIEF, LONG, KNOWN = 3600 * SECOND, 25 * 3600 * SECOND, 4
FLOWS_LIMIT = 64  # after this many flows, the sums of sizes are halved

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
NO_SIZE = -1


class Rhythm(NamedTuple):
    """Statistics of a pair at a contact: contacts so far, mean interval in seconds, mean size of its flows in bytes,
    and the dispersion of both.

    Dispersion is the standard deviation divided by the mean; that of intervals excludes the shortest and the longest.
    """

    beats: int
    interval_s: float
    dispersion: float
    size: float
    size_dispersion: float


class Beats:
    """``follow`` gets flows in time order, for any period; the result does not depend on batch boundaries."""

    def __init__(self, intervals: int, bits: int = 16) -> None:
        """``intervals``: number of last intervals that are kept, and required for a result. ``bits``: size of the
        table, a power of two.
        """
        size = 1 << bits
        self._mask = np.uint64(size - 1)
        self._wanted = intervals
        self._keys, self._last, self._start = (
            np.zeros(size, np.uint64),
            np.zeros(size, np.int64),
            np.zeros(size, np.int64),
        )
        self._count, self._intervals = np.zeros(size, np.int64), np.zeros((size, intervals), np.float32)
        self._sizes = np.zeros((3, size))  # number of ended flows, their bytes, the squares

    def follow(self, keys: U64, ts: I64, sizes: I64) -> list[tuple[int, Rhythm]]:
        """(row, rhythm) of each contact of a pair with enough intervals. ``sizes``: bytes of an ended flow, -1 for a
        new one.
        """
        begun, ended = np.flatnonzero(sizes == NO_SIZE), np.flatnonzero(sizes != NO_SIZE)
        rows, ends = _joined(begun, keys[begun], ts[begun])
        rows, ends = np.concatenate((rows, ended)), np.concatenate((ends, ts[ended]))
        slots = (keys[rows] & self._mask).astype(np.int64)
        order = np.lexsort((rows, slots))
        rows, ends, slots = rows[order], ends[order], slots[order]
        first = np.flatnonzero(np.concatenate(([True], slots[1:] != slots[:-1]))) if len(slots) else slots
        rank = np.arange(len(slots)) - np.repeat(first, np.diff(np.append(first, len(slots))))
        found: list[tuple[int, Rhythm]] = []
        for turn in range(int(rank.max(initial=-1)) + 1):
            some = np.flatnonzero(rank == turn)  # at most one per slot
            found += self._turn(
                rows[some], slots[some], keys[rows[some]], ts[rows[some]], ends[some], sizes[rows[some]]
            )
        return sorted(found)

    def _turn(self, rows: I64, slots: I64, keys: U64, ts: I64, ends: I64, sizes: I64) -> list[tuple[int, Rhythm]]:
        self._take_places(slots, keys, ts, sizes)
        own = self._keys[slots] == keys
        size = own & (sizes != NO_SIZE)
        self._weigh(slots[size], sizes[size].astype(np.float64))
        own &= sizes == NO_SIZE
        beat = own & (self._start[slots] > 0) & (ts - self._last[slots] >= GAP)
        at = slots[beat]
        self._intervals[at, self._count[at] % self._wanted] = (ts[beat] - self._start[at]) / SECOND
        self._count[at] += 1
        fresh = own & (beat | (self._start[slots] == 0))
        self._start[slots[fresh]] = ts[fresh]
        self._last[slots[own]] = np.maximum(self._last[slots[own]], ends[own])
        enough = beat & (self._count[slots] >= self._wanted)
        return [(int(row), self._rhythm(int(slot))) for row, slot in zip(rows[enough], slots[enough], strict=True)]

    def _take_places(self, slots: I64, keys: U64, ts: I64, sizes: I64) -> None:
        patience = np.where(self._count[slots] >= KNOWN, LONG, BRIEF)
        free = (self._keys[slots] == 0) | (ts - self._last[slots] > patience)
        at = slots[free & (sizes == NO_SIZE)]
        self._keys[at] = keys[free & (sizes == NO_SIZE)]
        self._last[at] = self._start[at] = self._count[at] = 0
        self._sizes[:, at] = 0

    def _weigh(self, at: I64, sizes: F64) -> None:
        self._sizes[:, at] += np.stack((np.ones(len(at)), sizes, sizes * sizes))
        full = at[self._sizes[0, at] >= FLOWS_LIMIT]
        self._sizes[:, full] /= 2

    def _rhythm(self, slot: int) -> Rhythm:
        intervals = np.sort(self._intervals[slot])[1:-1].astype(np.float64)
        flows, total, squares = self._sizes[:, slot].tolist()
        mean, size = float(intervals.mean()), total / flows if flows else 0.0
        spread = max(squares / flows - size * size, 0.0) ** 0.5 if flows else 0.0
        return Rhythm(
            int(self._count[slot]) + 1, mean, float(intervals.std()) / mean, size, spread / size if size else 0.0
        )


def _joined(rows: I64, keys: U64, ts: I64) -> tuple[I64, I64]:
    """The first row of each run of rows of one key within GAP, and when the run ended."""
    if not len(rows):
        return rows, ts
    order = np.argsort(keys, kind="stable")
    rows, keys, ts = rows[order], keys[order], ts[order]
    first = np.flatnonzero(np.concatenate(([True], (keys[1:] != keys[:-1]) | (ts[1:] - ts[:-1] >= GAP))))
    return rows[first], ts[np.append(first[1:], len(rows)) - 1]
