# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""Deaf: which dissectors want no more of a flow. The engine reads and writes it row by row, so that a dissector that
gives up is heeded at its very next row.

The kernels run ahead and learn it later; what they then leave out is what the engine would leave out anyway, so no
result depends on when they learn it. One entry for each place of the flow table. Rows are worked off in packet order,
so the flow of the row at hand is the latest of its place.
"""

from libc.stdint cimport uint64_t

import numpy as np

ENTRY = np.dtype([("flow", "u8"), ("bits", "u8")])

cdef class Deaf:
    def __init__(self):
        """Grows to the highest slot whose flow was given up: 16 bytes each."""
        self.entries = np.zeros(1024, ENTRY)

    cpdef uint64_t left(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except? 0:
        """Those of ``bits`` whose dissectors still want the flow at this place."""
        if slot < 0 or slot >= self.entries.shape[0] or self.entries[slot].flow != flow:
            return bits
        return bits & ~self.entries[slot].bits

    cpdef int give_up(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except -1:
        """The dissectors ``bits`` want no more of the flow at this place; whatever was there before is over."""
        cdef Py_ssize_t size = self.entries.shape[0]
        if slot < 0:
            raise IndexError(f"place {slot} of the flow table")
        if slot >= size:
            while size <= slot:
                size *= 2
            larger = np.zeros(size, ENTRY)
            larger[: self.entries.shape[0]] = self.entries
            self.entries = larger
        if self.entries[slot].flow != flow:
            self.entries[slot].flow, self.entries[slot].bits = flow, 0
        self.entries[slot].bits |= bits
        return 0
