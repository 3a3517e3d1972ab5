"""For compiled dissectors: known facts are counted here, and need no Python object.

``hash_of`` the kind once (``kind_hash``), then of each value (``value_hash``, without the interpreter's lock);
``known`` counts the fact, or returns that it is new.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cpython.ref cimport PyObject

cdef struct Entry:
    uint64_t key
    PyObject* record     # a Seen that the table owns; NULL: the entry is free
    PyObject* fact       # a Fact that the table owns; NULL: the observation means nothing
    uint32_t version     # of the record, by which the entry holds
    uint32_t generation  # of the table
    uint32_t stamp       # when it was seen last
    int32_t place        # of the address among those of the record; -1: it is none of them


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
