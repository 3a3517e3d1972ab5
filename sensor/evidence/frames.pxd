# The most recent frames that were dissected.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row

cdef struct FrameSlot:
    int64_t ts
    uint64_t flow, src_hi, src_lo, dst_hi, dst_lo, src_mac, dst_mac
    uint64_t at        # offset of its bytes, counted over all bytes ever written
    uint32_t size, wirelen
    uint16_t link
    uint8_t ip_version


cdef class FrameRing:
    cdef FrameSlot[::1] kept
    cdef uint8_t[::1] data
    cdef uint64_t first, next      # numbers of the oldest frame kept and of the next one
    cdef uint64_t written          # bytes so far, including those left unused at the end of the ring
    cdef FrameSlot* place(self, uint32_t size) except? NULL
    cdef int keep_row(self, const uint8_t[::1] data, const Row* row) except -1
    cdef bytes frame(self, const FrameSlot* one)
