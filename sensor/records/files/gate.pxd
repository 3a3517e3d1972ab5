# Selects packets that may belong to a file transfer.
from libc.stdint cimport uint8_t, uint64_t

from sensor.core.packet cimport Packets
from sensor.core.row cimport Row

ctypedef packed struct Mark:   # per slot of the flow table
    uint64_t flow
    uint64_t state             # one of the states of gate.pyx


cdef class Gate:
    cdef Mark* marks
    cdef Py_ssize_t slots
    cdef object transfers
    cdef uint8_t[::1] ports    # ports at which files are expected
    cdef int leave(self, Mark* mark) except -1
    cdef int segment(
        self, Packets packets, Py_ssize_t index, const Row* row, const uint8_t* payload, Mark* mark
    ) except -1
    cdef int tcp(self, Packets packets, Py_ssize_t index, const Row* row) except -1
    cdef int udp(self, Packets packets, Py_ssize_t index, const Row* row) except -1
