"""The fields of a record, for kernels that count facts without creating Python objects."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from *:
    ctypedef bint flag "unsigned char"  # a bint takes four bytes

cdef struct Use:
    uint64_t hi
    uint64_t lo
    int64_t last


cdef class Addresses:
    cdef Use* uses
    cdef int32_t size, room
    cdef uint32_t version        # incremented with each address that is removed
    cdef int32_t place(self, uint64_t hi, uint64_t lo) except -2
    cdef int32_t _place(self, address) except -2
    cdef int _grow(self) except -1
    cdef object _address(self, int32_t i)


cdef class Fact:
    cdef readonly str kind, value
    cdef readonly tuple claims
    cdef public int64_t first, last, count
    cdef uint64_t hi, lo
    cdef readonly int32_t rank


cdef class Facts:
    cdef tuple some
    cdef uint32_t version        # incremented with each fact that is removed
    cdef int64_t* idle           # hashes of facts without meaning
    cdef int32_t idles, idle_room
    cdef uint32_t forgotten      # how often they were cleared
    cdef Fact of(self, str kind, str value)


cdef class CompactRecord:
    cdef public int64_t first, last, since, queued
    cdef public int32_t vlan, weight
    cdef public flag dead, gone, admitted, requested, gateway, random, router, stale
    cdef public Addresses addresses
    cdef readonly Facts held


cdef class CompactReport:
    cdef public int64_t looked, moved, pending_since
    cdef public tuple values, ips, pending_ips
    cdef public dict waiting
    cdef public int32_t moves
    cdef public flag identified, named


cdef class Proof:
    cdef Fact fact
    cdef readonly object claim
    cdef readonly int64_t last, count
    cdef tuple _values(self)


cdef int split(object address, uint64_t* hi, uint64_t* lo) except -1
