# A constant table of byte strings, each with a number: names of headers, object identifiers.
from libc.stdint cimport int32_t, uint8_t, uint32_t


cdef class ByteTable:
    cdef dict kept
    cdef uint32_t mask
    cdef const uint8_t** texts
    cdef uint32_t* sizes
    cdef int32_t* numbers
    # reads ``size`` bytes and no more
    cdef int find(self, const uint8_t* text, uint32_t size) noexcept nogil
