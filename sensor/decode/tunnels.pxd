# Tunnels: packets that carry another frame or packet. If the header of a tunnel is not recognized, the row describes
# the outer packet.
from libc.stdint cimport uint8_t

from sensor.core.row cimport TUNNEL_DEPTH, TUNNEL_HEADER, Row
from sensor.decode.bytes cimport BY_VERSION, DONE, ETHERNET, NEXT, PPP, At, u16, u32

cdef enum:
    MAX_TUNNELS = 4

cdef inline int enter(Row* row, At* at, Py_ssize_t off, int kind) except -1 nogil:
    """Enter the inner packet. The outer MACs are those of the tunnel endpoints, not of the inner packet."""
    if at.depth >= MAX_TUNNELS:
        row.problem |= TUNNEL_DEPTH
        return DONE
    if off >= at.end:
        return DONE
    at.depth += 1
    row.tunnels = at.depth
    row.src_mac = row.dst_mac = 0
    row.sport = row.dport = row.tcp_flags = row.fragment = 0
    row.payload_len = 0
    at.off, at.kind = off, kind
    return NEXT


cdef inline int gre(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 2784 and 2890, version 1 of PPTP (RFC 2637), ERSPAN I to III (draft-foschiano-erspan-03)."""
    cdef Py_ssize_t off = at.off
    cdef int flags, kind, version
    if off + 4 > at.end:
        row.problem |= TUNNEL_HEADER
        return DONE
    flags, kind = data[off], u16(data, off + 2)
    version = data[off + 1] & 7
    off += 4
    if flags & 0xC0 and version == 0:
        off += 4
    if flags & 0x20:
        off += 4
    if flags & 0x10:
        off += 4
    if version == 1 and data[at.off + 1] & 0x80:
        off += 4
    if off > at.end:
        row.problem |= TUNNEL_HEADER
        return DONE
    if kind == 0x0800 or kind == 0x86DD or kind == 0x8847 or kind == 0x8848:
        return enter(row, at, off, kind)
    if kind == 0x6558:
        return enter(row, at, off, ETHERNET)
    if kind == 0x880B:
        return enter(row, at, off, PPP)
    if kind == 0x88BE:  # ERSPAN I has no header and no sequence number
        return enter(row, at, off + 8 if flags & 0x10 else off, ETHERNET)
    if kind == 0x22EB:
        if off + 12 > at.end:
            row.problem |= TUNNEL_HEADER
            return DONE
        return enter(row, at, off + 20 if data[off + 11] & 1 else off + 12, ETHERNET)
    return DONE


cdef inline int vxlan(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 7348, 5: eight bytes with the I flag, then an Ethernet frame. ``at.off`` is after the UDP header."""
    if at.off + 22 > at.end or data[at.off] & 0x08 == 0 or data[at.off + 7] != 0:
        return DONE
    return enter(row, at, at.off + 8, ETHERNET)


cdef inline int geneve(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 8926, 3.4."""
    cdef Py_ssize_t off = at.off
    cdef int kind
    if off + 8 > at.end or data[off] >> 6 != 0:
        return DONE
    kind = u16(data, off + 2)
    off += 8 + (data[off] & 0x3F) * 4
    if kind == 0x6558:
        return enter(row, at, off, ETHERNET)
    if kind == 0x0800 or kind == 0x86DD:
        return enter(row, at, off, kind)
    return DONE


cdef inline int gtp_u(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """3GPP TS 29.281, 5.1: version 1, message 255 carries a user packet; extension headers are skipped."""
    cdef Py_ssize_t off = at.off
    cdef int extensions = 0, next_type
    if off + 8 > at.end or data[off] & 0xF0 != 0x30 or data[off + 1] != 255:
        return DONE
    if data[off] & 0x07:
        if off + 12 > at.end:
            return DONE
        next_type = data[off + 11] if data[off] & 0x04 else 0
        off += 12
        while next_type:
            extensions += 1
            if extensions > 8 or off >= at.end or data[off] == 0 or off + data[off] * 4 > at.end:
                row.problem |= TUNNEL_HEADER
                return DONE
            off += data[off] * 4
            next_type = data[off - 1]
    else:
        off += 8
    if off >= at.end or data[off] >> 4 not in (4, 6):
        return DONE
    return enter(row, at, off, BY_VERSION)


cdef inline int udp_tunnel(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Decode a tunnel by destination port; ``at.off`` is after the UDP header."""
    if row.dport == 4789 or row.dport == 8472:
        return vxlan(data, row, at)
    if row.dport == 6081:
        return geneve(data, row, at)
    if row.dport == 2152:
        return gtp_u(data, row, at)
    return DONE
