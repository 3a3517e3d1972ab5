# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""RecentSet: which 64-bit keys were seen within a window of packet time, in a table of fixed size.

Four places for each key; where all are taken the one fresh longest ago makes room, so a flood of keys costs no memory
and at worst shows a repeat again.
"""

from libc.stdint cimport int64_t, uint64_t

import numpy as np

SEEN = np.dtype([("key", "u8"), ("ts", "i8")])


cdef class RecentSet:
    FIRST, AGAIN = 1, 2

    def __init__(self, int bits=16):
        """``bits``: the table has 2**bits places of 16 bytes."""
        if not 2 <= bits <= 26:
            raise ValueError(f"bits {bits}: 2 to 26")
        self.table = np.zeros(1 << bits, SEEN)
        self.mask = (1 << bits) - 4

    cdef bint holds(self, uint64_t key) except -1 nogil:
        """Whether the key was ever seen, as far as is remembered. Nothing is remembered by asking."""
        cdef uint64_t at = (key * <uint64_t>0x9E3779B97F4A7C15 >> 32) & self.mask
        cdef uint64_t place
        key |= 1
        for place in range(at, at + 4):
            if self.table[place].key == key:
                return True
        return False

    cdef int see(self, uint64_t key, int64_t ts, int64_t window) except -1 nogil:
        """0 where the key was seen within the window, which starts at the sighting that was fresh; else 1 where it was
        never seen, 2 where it was before.
        """
        cdef uint64_t at = (key * <uint64_t>0x9E3779B97F4A7C15 >> 32) & self.mask
        cdef uint64_t place, oldest = at
        cdef int64_t age
        key |= 1  # 0 marks an empty place
        for place in range(at, at + 4):
            if self.table[place].key == key:
                age = ts - self.table[place].ts
                if -window < age < window:
                    return 0
                self.table[place].ts = ts
                return 2
            if self.table[place].key == 0:
                oldest = place
                break
            if self.table[place].ts < self.table[oldest].ts:
                oldest = place
        if self.table[oldest].key:
            self.evicted += 1
        self.table[oldest].key = key
        self.table[oldest].ts = ts
        return 1

    def look(self, const uint64_t[::1] keys, const int64_t[::1] ts, int64_t window):
        """For each key in order: 0 where it was seen within ``window`` ns before, FIRST where it was never seen (as far
        as is remembered), AGAIN otherwise.

        Keys and times are contiguous arrays of the same length.
        """
        cdef Py_ssize_t i, n = keys.shape[0]
        out = np.zeros(n, np.uint8)
        cdef unsigned char[::1] answer = out
        with nogil:
            for i in range(n):
                answer[i] = self.see(keys[i], ts[i], window)
        return out

    def fresh(self, keys, ts, window):
        """For each key in order, True where it was not seen within ``window`` ns before."""
        return self.look(keys, ts, window) > 0
