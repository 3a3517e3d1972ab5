# Packet and Packets, for kernels that make or read them. packet.pyx documents the fields.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row


cdef class Packet:
    cdef readonly int64_t ts, ack
    cdef readonly uint64_t src_mac, dst_mac, flow
    cdef readonly uint32_t wirelen, seq, fragment_at
    cdef readonly int32_t slot
    cdef readonly uint16_t source, link, vlan, ethertype, sport, dport, problem
    cdef readonly uint8_t ip_version, proto, ttl, fragment, tcp_flags, tunnels, direction
    cdef readonly bytes payload
    cdef readonly bytes frame
    cdef uint64_t src_hi, src_lo, dst_hi, dst_lo
    cdef object _src, _dst


cdef class Packets:
    cdef const uint8_t[::1] data
    cdef Row[::1] rows
    cdef bytes cut(self, int64_t start, uint32_t size)
    cpdef Packet at(self, Py_ssize_t index)
