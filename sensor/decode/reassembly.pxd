# Reassembly of one followed flow, for one dissector.
from libc.stdint cimport int64_t, uint32_t


cdef class Room:
    cdef public Py_ssize_t held
    cdef readonly Py_ssize_t most


cdef class Direction:
    cdef bint begun          # ``next`` is known
    cdef uint32_t next       # the expected sequence number
    cdef list held           # out-of-order: (sequence number, packet, whether a message begins with it), sorted
    cdef Py_ssize_t held_bytes
    cdef Room room
    cdef int hold(self, uint32_t seq, object packet, bint begins) except -1
    cdef bint full(self) except -1
    cdef tuple release(self)
    cdef int drop(self) except -1
    cdef int count(self, Py_ssize_t size) except -1


cdef class Assembler:
    cdef readonly object stream
    cdef object interest
    cdef Direction client, server
    cdef public uint32_t late   # bytes missing from the capture before the next segment that is fed
    cdef object deliver(self, Direction way, uint32_t seq, packet)
