# The dissectors that want no more of a flow.
from libc.stdint cimport uint64_t

ctypedef packed struct Entry:
    uint64_t flow
    uint64_t bits


cdef class Unfollowed:
    cdef Entry[::1] entries
    cpdef uint64_t left(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except? 0
    cpdef int give_up(self, Py_ssize_t slot, uint64_t flow, uint64_t bits) except -1
