# Summary of a connection's packet headers: Zeek's history, the bytes of each direction, and the bytes missing from the
# capture.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row

# One cache line. Arrays of two: from the client, then from the server. ``letters``: the history, four bits per letter,
# the first in the highest bits.
ctypedef packed struct Trace:
    uint64_t flow
    uint64_t letters
    uint64_t[2] bytes
    uint32_t[2] due       # next expected sequence number
    uint32_t[2] gap       # the last gap: its start,
    uint32_t[2] behind    # and its end
    uint32_t missed
    uint16_t seen         # letters present, by bit; and whether ``due`` is known, per direction
    uint16_t spare


cdef inline bint is_icmp(const Row* row) noexcept nogil:  # a comparison: nothing can fail
    return row.proto == 1 or row.proto == 58

cdef int follow(Trace* trace, const Row* row) except -1 nogil
