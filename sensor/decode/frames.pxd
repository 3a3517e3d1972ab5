# The decode pass, for use by other kernels.
from libc.stdint cimport uint8_t

from sensor.core.row cimport Row

cdef Py_ssize_t decode_rows(const uint8_t[::1] data, Row[::1] rows, Py_ssize_t* fragments) except -1 nogil
