# Reads chosen rows within the select pass: the interface of native dissectors (sensor.native) for the kernels.
from libc.stdint cimport int32_t, uint8_t, uint64_t

from sensor.core.row cimport Row
from sensor.decode.flows cimport FlowTable


cdef class RowReader:
    cdef int read(self, const uint8_t[::1] data, Row* row, int32_t index, FlowTable flows) except -1 nogil
    cdef int ended(self, uint64_t flow, int32_t index) except -1 nogil
    cpdef tuple take(self)
