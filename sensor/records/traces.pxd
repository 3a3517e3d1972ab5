# What the headers of a connection's packets add up to: Zeek's history, the bytes of each side, and those that the
# capture lacks.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row

# One cache line. Arrays of two: what the client sent, then what the server sent. ``letters``: the history, four bits
# for each, the first the highest.
ctypedef packed struct Trace:
    uint64_t flow
    uint64_t letters
    uint64_t[2] bytes
    uint32_t[2] due       # the sequence number that comes next
    uint32_t[2] gap       # the last gap: where it begins,
    uint32_t[2] behind    # and where what came behind it begins
    uint32_t missed
    uint16_t seen         # letters that are there, by bit; and whether ``due`` is known, each way
    uint16_t spare

cdef int follow(Trace* trace, const Row* row) except -1 nogil
