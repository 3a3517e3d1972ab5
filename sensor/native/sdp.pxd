# Session descriptions (RFC 8866): see ``sensor.dissectors.shared.sdp``.
from libc.stdint cimport uint64_t

from sensor.native.lines cimport Piece
from sensor.native.out cimport Out

# A description: spans of text; ``media`` a span of slots.
cdef struct Sdp:
    uint64_t user
    uint64_t address
    uint64_t session
    uint64_t tool
    uint64_t media

cdef int description(Piece body, Out* out, Sdp* found) except -1 nogil
