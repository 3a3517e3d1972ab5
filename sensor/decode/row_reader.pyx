# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""Reads chosen rows within the select pass. This base class reads none."""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from sensor.core.row cimport Row
from sensor.decode.flows cimport FlowTable


cdef class RowReader:
    cdef int read(self, const uint8_t[::1] data, Row* row, int32_t index, FlowTable flows) except -1 nogil:
        """Read a chosen row, the ``index``-th of its batch, and clear the bits of ``wanted`` that need no further
        reading.
        """
        return 0

    cdef int ended(self, uint64_t flow, int32_t index) except -1 nogil:
        """A flow ended at a row."""
        return 0

    cpdef tuple take(self):
        """The messages read since the last call."""
        return ()
