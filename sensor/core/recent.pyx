# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""RecentSet: the 64-bit keys seen within a window of packet time, in a table of fixed size.

Each key can be in four slots; if all are in use, the key that was reported as new longest ago is evicted, so that a
flood of keys uses no more memory and at worst reports a repeat as new.
"""

from libc.stdint cimport int64_t, uint64_t

import numpy as np

SEEN = np.dtype([("key", "u8"), ("ts", "i8")])


cdef class RecentSet:
    FIRST, AGAIN = 1, 2

    def __init__(self, int bits=16):
        """``bits``: the table has 2**bits slots of 16 bytes."""
        if not 2 <= bits <= 26:
            raise ValueError(f"bits {bits}: 2 to 26")
        self.table = np.zeros(1 << bits, SEEN)
        self.mask = (1 << bits) - 4

    cdef bint holds(self, uint64_t key) except -1 nogil:
        """Whether the key is in the table. Does not add it."""
        cdef uint64_t at = (key * <uint64_t>0x9E3779B97F4A7C15 >> 32) & self.mask
        cdef uint64_t place
        key |= 1
        for place in range(at, at + 4):
            if self.table[place].key == key:
                return True
        return False

    cdef int see(self, uint64_t key, int64_t ts, int64_t window) except -1 nogil:
        """0 if the key was seen within the window, which starts at the last sighting reported as new; otherwise 1 if it
        was never seen, 2 if it was seen before the window.
        """
        cdef uint64_t at = (key * <uint64_t>0x9E3779B97F4A7C15 >> 32) & self.mask
        cdef uint64_t place, oldest = at
        cdef int64_t age
        key |= 1  # 0 marks an empty slot
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
        """For each key in order: 0 if it was seen within ``window`` ns before, FIRST if it is not in the table, AGAIN
        otherwise.

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
        """For each key in order, whether it was not seen within ``window`` ns before."""
        return self.look(keys, ts, window) > 0
