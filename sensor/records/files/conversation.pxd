# A connection that may transfer files.
from libc.stdint cimport int64_t, uint32_t

from sensor.records.files.body cimport Budget


cdef class BytesSource:
    cdef object packets
    cdef Py_ssize_t index
    cpdef object packet(self)


cdef class Conversation:
    cdef public bint over, paused
    cdef readonly object emit
    cdef readonly Budget budget
    # For client and server: whether the expected sequence number is known, and which it is; out-of-order segments, and
    # their bytes.
    cdef bint[2] begun
    cdef uint32_t[2] due
    cdef list early
    cdef Py_ssize_t[2] held
    cpdef int segment(self, int way, uint32_t seq, bytes data, object packets, Py_ssize_t index) except -1
    cdef int hold(self, int way, uint32_t seq, bytes data, BytesSource place) except -1
    cdef int drain(self, int way) except -1
    cdef int skip(self, int way) except -1
    cdef int read(self, int way, bytes data, BytesSource place) except -1
    cpdef feed(self, int way, bytes data, BytesSource place)
