# Shared by the counting kernels: hashes, and the buckets of a window.
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    BUCKETS = 8
    GROUP = 8           # keys per group
    SHORTEST = 1000000  # ns

# The meaning of a row for a pair; the column ``ops`` of DistinctWindow.follow.
cdef enum:
    SKIP = 0
    OPENED = 1
    ANSWERED = 2
    FAILED = 3


cdef inline uint64_t mix(uint64_t value) noexcept nogil:  # arithmetic only: nothing can fail
    value ^= value >> 32
    value *= <uint64_t>0xD6E8FEB86659FD93
    value ^= value >> 32
    value *= <uint64_t>0xD6E8FEB86659FD93
    return value ^ value >> 32


# the divisor is checked when the window is created
cdef inline int64_t bucket_of(int64_t ts, int64_t width) noexcept nogil:
    return ts // width - (ts % width < 0)


cdef inline uint64_t joined(uint64_t one, uint64_t other) noexcept nogil:  # arithmetic only
    return mix(mix(one) + other * <uint64_t>0x9E3779B97F4A7C15)
