# What messages yield that Python read before.
from libc.stdint cimport uint32_t, uint64_t

from sensor.inventory.novelty cimport Novelty
from sensor.native.out cimport Out

cdef enum:
    ONCE = 4096


cdef class KnownFact:
    cdef str kind, value
    cdef uint64_t hashed   # as in Novelty


cdef class KnownEvent:
    cdef object made       # its class
    cdef tuple values      # of its fields, without the packet
    cdef uint64_t content  # the same for the same content only


cdef class KnownMessages:
    cdef list contents
    cdef readonly object known
    cdef Novelty novelty
    cdef uint64_t[ONCE] once   # keys of messages that came once
    cdef uint64_t key_of(self, uint32_t kind, const Out* out, uint32_t at) except? 0
    cdef tuple find(self, uint64_t key)
    cdef int learn(self, uint64_t key, list results) except -1
