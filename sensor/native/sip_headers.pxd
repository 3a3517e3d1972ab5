# Values of SIP headers.
from libc.stdint cimport uint64_t

from sensor.core.row cimport Row
from sensor.native.lines cimport Piece
from sensor.native.out cimport Out

cdef Piece without_blanks(Piece one) noexcept nogil  # stays inside the piece
cdef int address_in(Piece raw, Out* out, uint64_t* found_) except -1 nogil
cdef int size_of(Piece raw, uint64_t* found_) except -1 nogil
cdef int challenge(Piece raw, uint64_t* fields, Out* out) except -1 nogil
cdef int names_sender(Piece contact, const Row* row, Out* out) except -1 nogil
cdef bint is_sender(Piece host, const Row* row, Out* out) except -1 nogil
cdef bint is_numeric(Piece host) except -1 nogil
