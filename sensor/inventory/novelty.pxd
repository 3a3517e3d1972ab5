"""For native dissectors: known facts are counted here, without Python objects.

Call ``kind_hash`` once per kind, then ``value_hash`` for each value (without the GIL); ``known`` counts the fact, or
returns that it is new.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cpython.ref cimport PyObject

cdef struct Entry:
    uint64_t key
    PyObject* record     # a CompactRecord owned by the table; NULL: the entry is free
    PyObject* fact       # a Fact owned by the table; NULL: the observation has no meaning
    uint32_t version     # of the record, for which the entry is valid
    uint32_t generation  # of the table
    uint32_t stamp       # time of the last sighting
    int32_t place        # index of the address among those of the record; -1: not one of them


cdef class Novelty:
    cdef Entry* entries
    cdef uint64_t mask, key0, key1
    cdef uint32_t generation
    cdef readonly Py_ssize_t counted, evicted
    cpdef uint64_t kind_hash(self, str kind) except? 0
    # reads ``size`` bytes and no more
    cdef uint64_t value_hash(self, uint64_t kind, const uint8_t* value, size_t size) noexcept nogil
    cpdef uint64_t hash_of(self, str kind, str value) except? 0
    cdef bint known(
        self, int64_t ts, uint64_t mac, uint64_t hi, uint64_t lo, uint16_t vlan, uint64_t kind_value_hash
    ) except -1
    cdef bint _holds(self, Entry* entry) except -1
    cdef uint64_t _text(self, str text, uint64_t key) except? 0
    # arithmetic only
    cdef uint64_t _key(
        self, uint64_t mac, uint64_t hi, uint64_t lo, uint16_t vlan, uint64_t kind_value_hash
    ) noexcept nogil
