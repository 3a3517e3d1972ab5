# The interface of native dissectors: one function.
from libc.stdint cimport uint8_t, uint32_t

from sensor.core.row cimport Row
from sensor.native.out cimport Out

# Arguments: the complete payload of a packet; the packet's row. Returns TAKEN, or PUNT after undoing what it wrote.
ctypedef int (*Dissect)(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil
ctypedef void* State
# Free the memory that a state refers to.
ctypedef int (*Release)(State state) except -1 nogil


cdef class Native:
    cdef Dissect dissect
    cdef Release release
    cdef size_t size       # of its state (``Out.state``) in bytes, initially zero; 0: it has none


cdef inline Native native(Dissect dissect):
    cdef Native unit = Native.__new__(Native)
    unit.dissect = dissect
    return unit


cdef inline Native native_with_state(Dissect dissect, Release release, size_t size):
    cdef Native unit = native(dissect)
    unit.release, unit.size = release, size
    return unit
