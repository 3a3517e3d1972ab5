# Selects packets that may belong to a file transfer.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from sensor.core.packet cimport Packets
from sensor.core.row cimport Row
from sensor.records.files.conversation cimport Conversation

cdef enum:
    MOST = 2048                # conversations that are followed at once

ctypedef packed struct Mark:   # per slot of the flow table
    uint64_t flow
    int32_t place              # of its conversation
    uint32_t state             # one of the states of gate.pyx


cdef class Gate:
    cdef Mark* marks
    cdef Py_ssize_t slots
    cdef object transfers
    cdef uint8_t[::1] ports    # ports at which files are expected
    # By place: conversation, slot of its flow, time of its last segment; the places without one, and their number.
    cdef list open
    cdef Py_ssize_t[MOST] slot
    cdef int64_t[MOST] used
    cdef int32_t[MOST] unused
    cdef Py_ssize_t vacant
    cdef int begin(self, Mark* mark, Py_ssize_t slot, Conversation conversation) except -1
    cdef int leave(self, Mark* mark) except -1
    cdef int32_t oldest(self) except -2
    cdef int segment(
        self, Packets packets, Py_ssize_t index, const Row* row, const uint8_t* payload, Mark* mark
    ) except -1
    cdef bint recognized(self, const Row* row, const uint8_t* payload, uint32_t size, Mark* mark) except -1
    cdef int tcp(self, Packets packets, Py_ssize_t index, const Row* row) except -1
    cdef int udp(self, Packets packets, Py_ssize_t index, const Row* row) except -1
