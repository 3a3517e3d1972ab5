# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""Unfollowed flows: the dissectors that want no more of a flow. The engine reads and writes it row by row, so that a
dissector that drops a flow does not get the next row.

The kernels run ahead and learn it later. They then leave out only rows that the engine would also leave out, so no
result depends on when they learn it. There is one entry for each slot of the flow table. Rows are processed in packet
order, so the flow of the current row is the latest in its slot.
"""

from libc.stdint cimport uint64_t

import numpy as np

ENTRY = np.dtype([("flow", "u8"), ("bits", "u8")])

cdef class Unfollowed:
    def __init__(self):
        """The table grows to the highest slot with a flow that was dropped: 16 bytes for each slot."""
        self.entries = np.zeros(1024, ENTRY)

    cpdef uint64_t left(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except? 0:
        """The bits of ``bits`` whose dissectors still want the flow in this slot."""
        if slot < 0 or slot >= self.entries.shape[0] or self.entries[slot].flow != flow:
            return bits
        return bits & ~self.entries[slot].bits

    cpdef int give_up(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except -1:
        """The dissectors ``bits`` want no more of the flow in this slot; replaces the entry of an earlier flow."""
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
