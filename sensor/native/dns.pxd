# Names and records of DNS messages (RFC 1035), for all dissectors that read them.
from libc.stdint cimport uint32_t, uint64_t

from sensor.native.out cimport Out
from sensor.native.read cimport Bytes

cdef int name(Bytes* b, bint fold, Out* out, uint64_t* found) except -1 nogil
cdef int first_question(
    Bytes* b, uint32_t questions, Out* out, uint64_t* found, uint32_t* kind
) except -1 nogil
cdef int records(Bytes* b, uint64_t wanted, bint fold, Out* out, uint64_t* found) except -1 nogil
