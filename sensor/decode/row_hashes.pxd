# Hashes of rows: of the two hosts, of a payload and its sender, of a TCP header and its sender.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.decode.bytes cimport u32

cdef extern from *:
    """
    #define GOLDEN 0x9E3779B97F4A7C15ULL
    #define PRIME 0xC2B2AE3D27D4EB4FULL
    #define SPREAD 0x9FB21C651E98DF25ULL
    """
    const uint64_t GOLDEN, PRIME, SPREAD  # odd multipliers that mix the bits of a key


cdef inline uint64_t pair(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    """Hash of source and destination, in this order."""
    return ((row.src_lo ^ row.src_hi) * GOLDEN ^ (row.dst_lo ^ row.dst_hi)) * PRIME | 1


cdef inline uint64_t source_of(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    return ((row.src_lo ^ row.src_hi) * GOLDEN ^ <uint64_t>0x5555) * PRIME | 1


cdef inline uint64_t target_of(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    return ((row.dst_lo ^ row.dst_hi) * GOLDEN ^ <uint64_t>0xAAAA) * PRIME | 1


cdef inline uint64_t head_digest(
    const uint8_t[::1] data, Row* row, uint32_t start, bint odd
) except? 0xFFFFFFFFFFFFFFFF nogil:
    """Hash of a TCP header without ports, sequence numbers, checksum and timestamps, and of its sender; for invalid
    flags also of the destination.
    """
    cdef Py_ssize_t at = row.frame + start, end = row.frame + row.payload
    cdef uint64_t value = row.src_mac ^ (row.src_hi ^ row.src_lo) * GOLDEN ^ <uint64_t>row.vlan << 16
    if odd:
        value ^= (row.dst_hi ^ row.dst_lo) * PRIME
    value = (value ^ u32(data, at + 12)) * SPREAD  # offset, flags, window
    value ^= value >> 28
    at += 20
    while at < end:
        if data[at] == 8 and at + 10 <= end and data[at + 1] == 10:  # time stamps (RFC 7323, 3)
            value ^= 8
            at += 10
        else:
            value ^= data[at]
            at += 1
        value *= SPREAD
        value ^= value >> 28
    return value


cdef inline uint64_t digest(
    const uint8_t[::1] data, Row* row, int volatile_from, int volatile_to
) except? 0xFFFFFFFFFFFFFFFF nogil:
    """Hash of a payload without its volatile bytes, of its sender and of its destination."""
    cdef Py_ssize_t at = row.frame + row.payload, end = at + row.payload_len, first = at + volatile_from
    cdef Py_ssize_t stop = at + volatile_to
    cdef uint64_t value = row.src_mac ^ row.src_lo * GOLDEN ^ row.dst_lo * PRIME ^ row.payload_len
    value ^= <uint64_t>row.sport << 48 ^ <uint64_t>row.dport << 32 ^ <uint64_t>row.vlan << 16
    while at < end:
        if first <= at < stop:
            at = stop
            continue
        if at + 4 <= end and not (at < first < at + 4):
            value = (value ^ u32(data, at)) * SPREAD
            value ^= value >> 28
            at += 4
        else:
            value = (value ^ data[at]) * SPREAD
            value ^= value >> 28
            at += 1
    return value
