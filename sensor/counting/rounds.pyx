# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Rounds: how often each pair was contacted at regular intervals, and since when it has been known, in a table of fixed
size.

Monitoring contacts the same hosts again and again, at the same interval; a scan contacts new ones. Contacts of a pair
closer than GAP are one round. Each pair can be in four slots; if all are in use, the pair contacted longest ago is
evicted, so that at worst a known pair is new again.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

from sensor.counting.shared cimport mix

cdef enum:
    WAYS = 4
    MOST = 1000    # rounds that are counted
    TOLERANCE = 4  # an interval may differ from the last one by a quarter of it

cdef int64_t GAP = 4_000_000_000

cdef packed struct Round:
    uint64_t key     # 0: empty
    int64_t first    # contact, ns
    int64_t begun    # start of the last round
    int64_t last     # contact
    int64_t interval
    int32_t rounds
    uint32_t spare

ROUND = np.dtype([
    ("key", "u8"), ("first", "i8"), ("begun", "i8"), ("last", "i8"), ("interval", "i8"), ("rounds", "i4"),
    ("spare", "u4"),
])


cdef class Rounds:
    """``follow`` gets contacts in time order; the result does not depend on batch boundaries."""

    cdef readonly uint64_t evicted
    cdef int64_t memory
    cdef uint64_t mask
    cdef Round[::1] table

    def __init__(self, int64_t memory, int bits=15):
        """``memory``: ns without contacts after which a pair is new again. ``bits``: the table has 2**bits slots of 48
        bytes.
        """
        if memory <= GAP or not 2 <= bits <= 24:
            raise ValueError(f"memory {memory} ns (more than {GAP}), bits {bits} (2 to 24)")
        self.memory, self.mask = memory, (<uint64_t>1 << bits) - WAYS
        self.table = np.zeros(1 << bits, ROUND)

    def follow(self, const uint64_t[:] keys, const int64_t[:] ts):
        """For each contact the time since the first one of its pair (ns), and the number of successive rounds at one
        interval, 0 if it belongs to the same round as the contact before.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        if ts.shape[0] != n:
            raise ValueError(f"columns of {n} and {ts.shape[0]} rows")
        known, numbers = np.empty(n, np.int64), np.empty(n, np.int32)
        cdef int64_t[::1] ages = known
        cdef int32_t[::1] rounds = numbers
        with nogil:
            for i in range(n):
                rounds[i] = self.contact(keys[i] | 1, ts[i], &ages[i])
        return known, numbers

    cdef int contact(self, uint64_t key, int64_t ts, int64_t* age) except -1 nogil:
        """Process one contact, and set its age."""
        cdef uint64_t at = mix(key) & self.mask, place = at, slot
        cdef Round* found
        age[0] = 0
        for slot in range(at, at + WAYS):
            found = &self.table[slot]
            if found.key == key and ts - found.last < self.memory:
                age[0] = max(ts - found.first, 0)
                return again(found, ts)
            if found.key == key or found.key == 0:
                place = slot
                break
            if found.last < self.table[place].last:
                place = slot
        found = &self.table[place]
        if found.key and found.key != key:
            self.evicted += 1
        found.key = key
        found.first = found.begun = found.last = ts
        found.interval = 0
        found.rounds = 1
        return 1


cdef int again(Round* pair, int64_t ts) noexcept nogil:  # arithmetic only
    """A further contact of a pair."""
    cdef int64_t passed = ts - pair.last, interval = ts - pair.begun
    pair.last = max(pair.last, ts)
    if passed < GAP:
        return 0
    pair.rounds = min(pair.rounds + 1, MOST) if is_regular(interval, pair.interval) else 2
    pair.interval = interval
    pair.begun = ts
    return pair.rounds


cdef inline bint is_regular(int64_t interval, int64_t before) noexcept nogil:  # arithmetic only
    return before > 0 and before - before // TOLERANCE <= interval <= before + before // TOLERANCE
