# TCP, UDP, SCTP, ICMP: ports (type and code for ICMP), flags, sequence number, payload.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from sensor.core.row cimport CUT, RST, TRANSPORT_HEADER, TRANSPORT_SHORT, WHOLE, Row
from sensor.decode.bytes cimport DONE, At, u16, u32

cdef inline int payload_is(Row* row, At* at, Py_ssize_t start) except -1 nogil:
    row.payload = <uint32_t>(start - row.frame)
    row.payload_len = <uint32_t>(at.end - start) if at.end > start else 0
    return DONE


cdef inline int tcp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 9293, 3.1."""
    cdef Py_ssize_t off = at.off
    cdef int header
    if row.problem & CUT:
        row.ethertype = <uint16_t>at.cut
    if off + 20 > at.end:
        row.problem |= TRANSPORT_SHORT
        if off + 4 <= at.end:
            row.sport, row.dport = u16(data, off), u16(data, off + 2)
        return DONE
    row.sport, row.dport = u16(data, off), u16(data, off + 2)
    row.seq = u32(data, off + 4)
    row.tcp_flags = data[off + 13]
    header = (data[off + 12] >> 4) * 4
    if header < 20 or off + header > at.end:
        row.problem |= TRANSPORT_SHORT if header >= 20 and row.problem & CUT else TRANSPORT_HEADER
        return DONE
    row.begins = <uint8_t>(header >> 2)
    return payload_is(row, at, off + header)


cdef inline int udp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 768. The payload ends at the shorter of UDP length and IP length; 0 is a jumbogram or segmentation
    offload.
    """
    cdef Py_ssize_t off = at.off
    cdef int size
    if off + 8 > at.end:
        row.problem |= TRANSPORT_SHORT
        return DONE
    row.sport, row.dport = u16(data, off), u16(data, off + 2)
    size = u16(data, off + 4)
    if size >= 8:
        if off + size <= at.end:
            at.end = off + size
        elif not row.problem & CUT and row.fragment == WHOLE:
            row.problem |= TRANSPORT_HEADER
    elif size:
        row.problem |= TRANSPORT_HEADER
    return payload_is(row, at, off + 8)


cdef inline int sctp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 9260, 3.1; ABORT (3.3.7) as first chunk rejects an association, as RST does over TCP."""
    if at.off + 12 > at.end:
        row.problem |= TRANSPORT_SHORT
        return DONE
    row.sport, row.dport = u16(data, at.off), u16(data, at.off + 2)
    if at.off + 12 < at.end and data[at.off + 12] == 6:
        row.tcp_flags = RST
    return payload_is(row, at, at.off + 12)


cdef inline int icmp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 792 and RFC 4443: type and code take the place of ports; the payload is the whole message."""
    if at.off + 4 > at.end:
        row.problem |= TRANSPORT_SHORT
        return DONE
    row.sport, row.dport = data[at.off], data[at.off + 1]
    return payload_is(row, at, at.off)
