# A file being transferred.
from libc.stdint cimport int64_t

cdef class Budget:
    cdef int64_t rate, burst, at
    cdef double left


cdef class Body:
    cdef readonly object packet
    cdef readonly str name, mime
    cdef public int64_t size
    cdef public object fault
    cdef Budget budget
    cdef object digest, update, inflater
    cpdef int take(self, bytes data) except -1
    cdef bytes inflated(self, bytes data)
