# Tunnels: packets that carry another frame or packet. If the header of a tunnel is not recognized, the row describes
# the outer packet.
from libc.stdint cimport uint8_t

from sensor.core.row cimport TUNNEL_DEPTH, TUNNEL_HEADER, Row
from sensor.decode.bytes cimport BY_VERSION, DONE, ETHERNET, NEXT, PPP, WIRELESS, At, u16, u32

cdef enum:
    MAX_TUNNELS = 4

cdef inline int enter(Row* row, At* at, Py_ssize_t off, int kind) except -1 nogil:
    """Enter the inner packet. The outer MACs are those of the tunnel endpoints, not of the inner packet; nor is the
    outer VLAN that of an inner frame.
    """
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
    if kind == ETHERNET or kind == WIRELESS:
        row.vlan = row.spare = 0
    at.off, at.kind = off, kind
    return NEXT


cdef inline int enter_wireless(const uint8_t[::1] data, Row* row, At* at, Py_ssize_t off) except -1 nogil:
    """Enter an 802.11 frame if it is unencrypted data. Cisco's access points swap its first two bytes: the version in
    the first one is 0 otherwise.
    """
    cdef int control, flags
    if off + 24 > at.end:
        return DONE
    control, flags = data[off], data[off + 1]
    if control & 3:
        control, flags = flags, control
    return DONE if control & 0x4F != 0x08 or flags & 0x40 else enter(row, at, off, WIRELESS)


cdef inline int gre(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 2784 and 2890, version 1 of PPTP (RFC 2637), EoIP of MikroTik, ERSPAN I to III
    (draft-foschiano-erspan-03), and frames of Aruba's access points.
    """
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
    if kind == 0x6558 or (kind == 0x6400 and version == 1):
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
    if kind & 0xFE0F == 0x8200:
        return enter_wireless(data, row, at, off)
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


cdef inline int tzsp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """TaZmen Sniffer Protocol, version 1 (packet streams of MikroTik): type 0 or 1 carries a frame, after tagged fields
    that end with tag 1.
    """
    cdef Py_ssize_t off = at.off + 4
    cdef int kind
    if off >= at.end or data[at.off] != 1 or data[at.off + 1] > 1:
        return DONE
    kind = u16(data, at.off + 2)
    while data[off] != 1:
        off += 1 if data[off] == 0 else 2 + data[off + 1] if off + 1 < at.end else 2  # 0 is padding
        if off >= at.end:
            return DONE
    if kind == 1:
        return enter(row, at, off + 1, ETHERNET)
    if kind == 18:
        return enter_wireless(data, row, at, off + 1)
    return DONE


cdef inline int capwap(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Data channel of CAPWAP (RFC 5415, 4.3) without DTLS: a frame of Ethernet, or of 802.11 as access points send it
    to their controller. Fragments and keep-alives are not decoded.
    """
    cdef Py_ssize_t off = at.off
    cdef int size
    if off + 8 > at.end or data[off]:
        return DONE
    size = (data[off + 1] >> 3) * 4
    if size < 8 or off + size + 14 > at.end or data[off + 3] & 0x88:
        return DONE
    if data[off + 2] & 1 == 0:
        return enter(row, at, off + size, ETHERNET)
    if data[off + 2] >> 1 & 0x1F == 1:
        return enter_wireless(data, row, at, off + size)
    return DONE


cdef inline int teredo(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 4380, 5.1.1: an IPv6 packet, which authentication and the origin's address may precede."""
    cdef Py_ssize_t off = at.off
    if off + 4 <= at.end and u16(data, off) == 1:
        off += 13 + data[off + 2] + data[off + 3]
    if off + 8 <= at.end and u16(data, off) == 0:
        off += 8
    if off + 40 > at.end or data[off] >> 4 != 6 or off + 40 + u16(data, off + 4) > at.end:
        return DONE
    return enter(row, at, off, 0x86DD)


cdef inline int l2tp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 2661, 3.1: data messages of version 2 carry PPP, of which IP is decoded."""
    cdef Py_ssize_t off = at.off
    cdef int flags
    if off + 6 > at.end:
        return DONE
    flags = u16(data, off)
    if flags & 0xB4FF != 2:
        return DONE
    off += 6 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
    if flags & 0x0200 and off + 2 <= at.end:
        off += 2 + u16(data, off)
    if off + 2 <= at.end and u16(data, off) == 0xFF03:
        off += 2
    if off + 2 <= at.end and data[off] == 0:
        off += 1
    if off + 1 < at.end and (data[off] == 0x21 or data[off] == 0x57):
        return enter(row, at, off, PPP)
    return DONE


cdef inline int udp_tunnel(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Decode a tunnel by destination port, of some protocols also by source port; ``at.off`` is after the UDP
    header.
    """
    if row.dport == 4789 or row.dport == 8472:
        return vxlan(data, row, at)
    if row.dport == 6081:
        return geneve(data, row, at)
    if row.dport == 2152:
        return gtp_u(data, row, at)
    if row.dport == 37008:
        return tzsp(data, row, at)
    if row.dport == 5247 or row.sport == 5247:
        return capwap(data, row, at)
    if row.dport == 3544 or row.sport == 3544:
        return teredo(data, row, at)
    if row.dport == 1701:
        return l2tp(data, row, at)
    return DONE
