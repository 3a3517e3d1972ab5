from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from sensor.counting.shared cimport BUCKETS

ctypedef packed struct Rate:
    int64_t reported
    int32_t[BUCKETS] counts
    uint64_t[BUCKETS] marks


cdef class RateWindow:
    cdef readonly int64_t window_ns
    cdef readonly uint64_t evicted
    cdef int64_t width, bucket, bucket_start
    cdef uint64_t mask
    cdef uint64_t[::1] names
    cdef int64_t[::1] latest
    cdef uint8_t[::1] used
    cdef int32_t[::1] totals      # separate from the rest, because a new key compares those of its whole group
    cdef Rate[::1] rates

    cdef int64_t add(self, uint64_t name, int64_t ts) except -1 nogil
    cdef int spread(self, Rate* rate) except -1 nogil
    cdef int row(self, uint64_t name, uint64_t source, int64_t ts, int step) except -1 nogil
    cdef int slot_of(self, uint64_t name, int64_t now) except -1 nogil
    cdef int clear(self, int slot) except -1 nogil
    cdef int age(self, int slot, int64_t now) except -1 nogil
