# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Kernel for detectors: events per key within a sliding window of packet time. Buckets, groups and times are as in
``windows.pyx``.
"""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from sensor.counting.shared cimport BUCKETS, GROUP, SHORTEST, bucket_of, mix

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define sensor_ones(n) __builtin_popcountll(n)
    #else
    static int sensor_ones(unsigned long long n) { int ones = 0; for (; n; n &= n - 1) ones++; return ones; }
    #endif
    """
    int sensor_ones(unsigned long long number) nogil

RATE = np.dtype([("reported", "i8"), ("counts", "i4", BUCKETS), ("marks", "u8", BUCKETS)])
cdef int64_t NEVER = -(1 << 62)


cdef class RateWindow:
    """Events per key, and an estimate of the number of sources: each source sets one of 64 marks."""

    def __init__(self, int64_t window_ns, int key_bits=12):
        """Room for 2**key_bits keys of 125 bytes."""
        if window_ns < SHORTEST or not 3 <= key_bits <= 24:
            raise ValueError(f"window {window_ns} ns (at least {SHORTEST}), key_bits {key_bits} (3 to 24)")
        self.window_ns, self.width = window_ns, window_ns // BUCKETS
        self.bucket = self.bucket_start = 0
        self.names = np.zeros(1 << key_bits, np.uint64)
        self.latest = np.zeros(1 << key_bits, np.int64)
        self.used = np.zeros(1 << key_bits, np.uint8)
        self.totals = np.zeros(1 << key_bits, np.int32)
        self.rates = np.zeros(1 << key_bits, RATE)
        self.mask = (1 << key_bits) - GROUP

    def count(self, const uint64_t[:] keys, const int64_t[:] ts):
        """For each row, the number of events of its key in the window, this one included."""
        cdef Py_ssize_t i, n = keys.shape[0]
        if ts.shape[0] != n:
            raise ValueError(f"columns of {n} and {ts.shape[0]} rows")
        out = np.zeros(n, np.uint32)
        cdef uint32_t[::1] counts = out
        with nogil:
            for i in range(n):
                counts[i] = <uint32_t>self.add(keys[i], ts[i])
        return out

    def follow(
        self, const uint64_t[:] keys, const uint64_t[:] sources, const int64_t[:] ts, const int8_t[:] steps,
        int threshold, int spread,
    ):
        """Rows that add ``steps`` (0: nothing) → findings (row, events, marks set), at most one per key and window,
        with at least ``threshold`` events from sources that set at least ``spread`` of the 64 marks.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        cdef int slot, marks
        cdef Rate* rate
        cdef list found = []
        if sources.shape[0] != n or ts.shape[0] != n or steps.shape[0] != n:
            raise ValueError(f"columns of {n}, {sources.shape[0]}, {ts.shape[0]} and {steps.shape[0]} rows")
        with nogil:
            for i in range(n):
                if steps[i] == 0:
                    continue
                slot = self.row(keys[i], sources[i], ts[i], steps[i])
                rate = &self.rates[slot]
                if self.totals[slot] < threshold or steps[i] < 0 or 0 <= self.latest[slot] - rate.reported < BUCKETS:
                    continue
                marks = self.spread(rate)
                if marks >= spread:
                    rate.reported = self.latest[slot]
                    with gil:
                        found.append((i, self.totals[slot], marks))
        return found

    def above(
        self, const uint64_t[:] keys, const uint64_t[:] sources, const int64_t[:] ts, const int8_t[:] steps,
        const int8_t[:] requested, int threshold, int spread,
    ):
        """Rows that add ``steps`` → for each row that is ``requested`` (not 0), whether its key has at least
        ``threshold`` events from ``spread`` marks.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        cdef int slot
        if sources.shape[0] != n or ts.shape[0] != n or steps.shape[0] != n or requested.shape[0] != n:
            raise ValueError(
                f"columns of {n}, {sources.shape[0]}, {ts.shape[0]}, {steps.shape[0]} and {requested.shape[0]} rows"
            )
        out = np.zeros(n, bool)
        cdef uint8_t[::1] found = out.view(np.uint8)
        with nogil:
            for i in range(n):
                if steps[i] == 0 and requested[i] == 0:
                    continue
                slot = self.row(keys[i], sources[i], ts[i], steps[i])
                if requested[i]:
                    found[i] = self.totals[slot] >= threshold and self.spread(&self.rates[slot]) >= spread
        return out

    cdef int64_t add(self, uint64_t name, int64_t ts) except -1 nogil:
        """Add an event; returns the number of events of its key in the window."""
        return max(self.totals[self.row(name, 0, ts, 1)], 0)

    cdef int spread(self, Rate* rate) except -1 nogil:
        """Number of the 64 marks that are set."""
        cdef uint64_t marks = 0
        cdef int k
        for k in range(BUCKETS):
            marks |= rate.marks[k]
        return sensor_ones(marks)

    cdef int row(self, uint64_t name, uint64_t source, int64_t ts, int step) except -1 nogil:
        """Process one row; returns the slot of its key."""
        cdef int64_t now
        cdef int slot
        # most rows are in the bucket of the previous row
        if <uint64_t>ts - <uint64_t>self.bucket_start >= <uint64_t>self.width:
            self.bucket = bucket_of(ts, self.width)
            self.bucket_start = self.bucket * self.width
        slot = self.slot_of(name, self.bucket)
        cdef Rate* rate = &self.rates[slot]
        now = self.latest[slot]
        self.totals[slot] += step
        rate.counts[now & 7] += step
        if step > 0:
            rate.marks[now & 7] |= <uint64_t>1 << (mix(source) & 63)
        return slot

    cdef int slot_of(self, uint64_t name, int64_t now) except -1 nogil:
        """The slot of a key, aged; for a new key an evicted slot: expired ones first, then the lowest count, then the
        oldest.
        """
        cdef uint64_t at = mix(name) & self.mask, place = at
        cdef int64_t rank, worst = -1, old
        cdef int k
        for k in range(GROUP):
            if self.names[at + k] == name and self.used[at + k]:
                self.age(<int>(at + k), now)
                return <int>(at + k)
        for k in range(GROUP):
            if not self.used[at + k]:
                place, worst = at + k, -1
                break
            old = now - self.latest[at + k]
            rank = <int64_t>1 << 60
            if -BUCKETS < old < BUCKETS:
                rank = (<int64_t>1 << 50) - <int64_t>max(self.totals[at + k], 0) * (2 * BUCKETS) + old + BUCKETS
            if rank > worst:
                worst, place = rank, at + k
        if 0 <= worst < <int64_t>1 << 60:
            self.evicted += 1
        self.names[place], self.latest[place] = name, now
        self.clear(<int>place)
        self.used[place], self.rates[place].reported = 1, NEVER
        return <int>place

    cdef int clear(self, int slot) except -1 nogil:
        cdef Rate* rate = &self.rates[slot]
        cdef int k
        self.totals[slot] = 0
        for k in range(BUCKETS):
            rate.counts[k] = 0
            rate.marks[k] = 0
        return 0

    cdef int age(self, int slot, int64_t now) except -1 nogil:
        """Remove the buckets that left the window of this key."""
        cdef Rate* rate = &self.rates[slot]
        cdef int64_t passed = now - self.latest[slot], b
        if passed == 0 or -BUCKETS < passed < 0:
            return 0
        if passed >= BUCKETS or passed < 0:
            self.clear(slot)
        else:
            for b in range(self.latest[slot] + 1, now + 1):
                self.totals[slot] -= rate.counts[b & 7]
                rate.counts[b & 7] = 0
                rate.marks[b & 7] = 0
        self.latest[slot] = now
        return 0
