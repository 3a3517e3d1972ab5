# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Kernel for detectors: the regularity of repeated connections, for many pairs at once.

A table of fixed size measures how regular each pair is. Flows of a pair closer than GAP are one contact, so that a web
page with twenty connections counts once. For each pair the last intervals are kept and the sizes of its flows are
summed. A pair whose slot is taken is followed once the other pair is idle.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint64_t

from typing import NamedTuple

import numpy as np

NO_SIZE = -1

cdef enum:
    NONE = -1             # NO_SIZE
    KNOWN = 4             # contacts of a pair with a rhythm
    FLOWS_LIMIT = 64      # after this many flows, the sums of sizes are halved

cdef int64_t SECOND = 1_000_000_000
cdef int64_t GAP = 5 * SECOND
# How long an inactive pair keeps its slot: a new pair, and one with a rhythm.
cdef int64_t SHORT_GAP = 3600 * SECOND, LONG_GAP = 25 * 3600 * SECOND

cdef packed struct Beat:
    uint64_t key
    int64_t last     # time of the last flow
    int64_t start    # of the last contact
    int64_t count    # intervals so far
    double flows     # number of ended flows, their bytes, the squares of these
    double size
    double squares

BEAT = np.dtype([
    ("key", "u8"), ("last", "i8"), ("start", "i8"), ("count", "i8"), ("flows", "f8"), ("size", "f8"), ("squares", "f8"),
])


class IntervalStatistics(NamedTuple):
    """Statistics of a pair at a contact: contacts so far, mean interval in seconds, mean size of its flows in bytes,
    and the dispersion of both.

    Dispersion is the standard deviation divided by the mean; that of intervals excludes the shortest and the longest.
    """

    beats: int
    interval_s: float
    dispersion: float
    size: float
    size_dispersion: float


cdef class Intervals:
    """``follow`` gets flows in time order, for any period; the result does not depend on batch boundaries."""

    cdef uint64_t mask
    cdef int64_t wanted
    cdef Beat[::1] beats
    cdef float[:, ::1] intervals

    def __init__(self, int intervals, int bits=16):
        """``intervals``: number of last intervals that are kept, and required for a result. ``bits``: size of the
        table, a power of two.
        """
        if intervals < 3 or not 1 <= bits <= 24:
            raise ValueError(f"intervals {intervals} (at least 3), bits {bits} (1 to 24)")
        self.wanted, self.mask = intervals, (<uint64_t>1 << bits) - 1
        self.beats = np.zeros(1 << bits, BEAT)
        self.intervals = np.zeros((1 << bits, intervals), np.float32)

    def follow(self, const uint64_t[:] keys, const int64_t[:] ts, const int64_t[:] sizes):
        """(row, IntervalStatistics) of each contact of a pair with enough intervals. ``ts``: ns; ``sizes``: bytes of an
        ended flow, -1 for a new one.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        cdef uint64_t slot
        cdef list found = []
        if ts.shape[0] != n or sizes.shape[0] != n:
            raise ValueError(f"columns of {n}, {ts.shape[0]} and {sizes.shape[0]} rows")
        for i in range(n):
            slot = keys[i] & self.mask
            if sizes[i] != NONE:
                self.ended(&self.beats[slot], keys[i], sizes[i])
            elif self.began(slot, keys[i], ts[i]) and self.beats[slot].count >= self.wanted:
                found.append((i, self.rhythm(slot)))
        return found

    cdef bint began(self, uint64_t slot, uint64_t key, int64_t ts) except -1:
        """A flow began: whether it is a further contact of its pair."""
        cdef Beat* beat = &self.beats[slot]
        cdef bint further
        if beat.key == 0 or ts - beat.last > (LONG_GAP if beat.count >= KNOWN else SHORT_GAP):
            beat.key = key
            beat.last = beat.start = beat.count = 0
            beat.flows = beat.size = beat.squares = 0
        if beat.key != key:
            return False
        further = beat.start > 0 and ts - beat.last >= GAP
        if further:
            self.intervals[slot, beat.count % self.wanted] = (ts - beat.start) / <double>SECOND
            beat.count += 1
        if further or beat.start == 0:
            beat.start = ts
        beat.last = max(beat.last, ts)
        return further

    cdef int ended(self, Beat* beat, uint64_t key, double size) except -1:
        """A flow of ``size`` bytes ended."""
        if beat.key != key:
            return 0
        beat.flows += 1
        beat.size += size
        beat.squares += size * size
        if beat.flows >= FLOWS_LIMIT:
            beat.flows /= 2
            beat.size /= 2
            beat.squares /= 2
        return 0

    cdef object rhythm(self, uint64_t slot):
        cdef Beat* beat = &self.beats[slot]
        cdef double size = 0, spread = 0, mean
        intervals = np.sort(self.intervals[slot])[1:-1].astype(np.float64)
        mean = intervals.mean()
        if beat.flows:
            size = beat.size / beat.flows
            spread = sqrt(max(beat.squares / beat.flows - size * size, 0.0))
        return IntervalStatistics(beat.count + 1, mean, intervals.std() / mean, size, spread / size if size else 0.0)
