from libc.stdint cimport int64_t, uint64_t

cdef packed struct Seen:
    uint64_t key
    int64_t ts

cdef class RecentSet:
    cdef Seen[::1] table
    cdef uint64_t mask
    cdef readonly uint64_t evicted
    cdef bint holds(self, uint64_t key) except -1 nogil
    cdef int see(self, uint64_t key, int64_t ts, int64_t window) except -1 nogil
