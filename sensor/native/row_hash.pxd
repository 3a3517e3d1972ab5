# The content of rows as a hash.
from libc.stdint cimport uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.core.siphash cimport Sip
from sensor.native.out cimport Out


cdef class Content:
    """The slots of a value, by its layout."""
    cdef int code
    cdef uint32_t size
    cdef tuple parts
    cdef int add(self, Sip* s, const Out* out, uint32_t at) except -1
    cdef uint64_t bytes_of(self, const Out* out, uint32_t at) except? 0


cdef class RowHash:
    cdef tuple contents
    cdef list places
    cdef list packet
    cdef uint64_t of(self, const Out* out, uint32_t at, const Row* row, uint64_t key0, uint64_t key1) except? 0
    cdef uint64_t of_known(self, uint64_t content, const Row* row, uint64_t key0, uint64_t key1) except? 0
    cdef uint64_t ended(self, Sip* s, const Row* row) except? 0


cdef object packet_value(const Row* row, int field)
