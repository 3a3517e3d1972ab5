# Objects made from rows.
from libc.stdint cimport uint32_t, uint64_t

from sensor.native.out cimport Out

# sensor.native.layout.Code
cdef enum:
    INT = 1
    FLAG = 2
    TEXT = 3
    BYTES = 4
    ADDRESS = 5
    FLOAT = 6
    TUPLE = 7
    GROUP = 8


cdef class View:
    """Makes objects of one layout."""
    cdef int code
    cdef uint32_t size
    cdef object maker
    cdef tuple parts
    cdef object make(self, const Out* out, uint32_t at)
    cdef object event(self, const Out* out, uint32_t at, object packet)
    cdef int fill(self, const Out* out, uint32_t at, tuple values, Py_ssize_t first) except -1
    cdef tuple items(self, const Out* out, uint64_t span)
