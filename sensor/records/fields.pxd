from libc.stdint cimport uint32_t, uint64_t

from sensor.core.packet cimport Packet
from sensor.core.row cimport Row
from sensor.native.out cimport Out
from sensor.records.buffer cimport Buffer, Head

cdef int head_of_row(Head* head, const Row* row) except -1
cdef int head_of_packet(Head* head, Packet packet) except -1
cdef int head_of_ends(Head* head, event) except -1
cdef int copy(Buffer* buffer, uint64_t* words, int how, const Out* out, uint32_t slot) except -1
cdef int put(Buffer* buffer, uint64_t* words, int how, value) except -1
cdef uint64_t kept(Buffer* buffer, str text) except? 0xFFFFFFFF
