# For native messages: which events no subscriber wants.
from libc.stdint cimport uint32_t, uint64_t

from sensor.boundary cimport Boundary
from sensor.core.row cimport Row
from sensor.native.out cimport Out
from sensor.native.row_hash cimport RowHash

cdef enum:
    # Whether an event is wanted; UNKNOWN: this content was not evaluated yet.
    NO = 0
    YES = 1
    UNKNOWN = 2

cdef struct Answer:
    uint64_t key   # hash of the class and its content; 0: the entry is free
    uint64_t bits  # as in screens.Screen


cdef class RowScreen:
    cdef RowHash content
    cdef object choice
    cdef tuple lookups
    cdef bint holds(self, uint64_t bits, const Row* row, bint changed) except -1


cdef class Unwanted:
    cdef Boundary boundary
    cdef Answer* answers
    cdef uint64_t mask, key0, key1, key
    cdef list screens, kinds
    cdef dict numbers, known
    cdef tuple groups, data, versions
    cdef Py_ssize_t blamed, native   # native: number of classes with rows
    cdef readonly Py_ssize_t skipped
    cdef int check(self) except -1
    cdef int verdict(self, uint32_t kind, const Out* out, uint32_t at, const Row* row, bint changed) except -1
    cdef int verdict_on_known(self, uint32_t kind, uint64_t content, const Row* row, bint changed) except -1
    cdef uint32_t number(self, kind) except? 0
    cdef RowScreen screen(self, uint32_t kind)
    cdef int answer(self, RowScreen one, uint64_t key, const Row* row, bint changed) except -1
    cdef bint evaluate(self, uint32_t kind, event, const Row* row, bint changed) except -1
    cdef int forget(self) except -1
    cdef RowScreen made(self, uint32_t kind)
