# Link layers: from the first byte of a frame to an ethertype.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sensor.core.row cimport LINK_SHORT, LINK_UNKNOWN, NESTED_TAG, TAGS, Row
from sensor.decode.bytes cimport BY_VERSION, DONE, ETHERNET, LLC, NEXT, NOTHING, PPP, At, u16, u16le, u32, u48

cdef enum:
    MAX_TAGS = 8
    MAX_LENGTH = 1500         # larger values are ethertypes
    SHORT = -2                # of a link type: no frame
    BAD_SEQUENCE = 0x40       # the frame check sequence shows bit errors
    BRIDGE_TUNNEL = 0x0000F8  # IEEE 802.1H: ethertypes under this OUI

cdef inline int short_link(Row* row) except -1 nogil:
    row.problem |= LINK_SHORT
    return DONE


cdef inline int ethernet(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """IEEE 802.3 clause 3: two MACs and an ethertype, or a length followed by an 802.2 header."""
    if at.off + 14 > at.end:
        return short_link(row)
    row.dst_mac = u48(data, at.off)
    row.src_mac = u48(data, at.off + 6)
    at.kind = u16(data, at.off + 12)
    at.off += 14
    return typed(at)


cdef inline int typed(At* at) except -1 nogil:
    """An ethertype, or the length of the payload without padding (IEEE 802.3, 3.2.6). 0 counts as no length: some
    senders omit it.
    """
    if at.kind <= MAX_LENGTH:
        if at.kind > 0 and at.off + at.kind < at.end:
            at.end = at.off + at.kind
        at.kind = LLC
    return NEXT


cdef inline int llc(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """IEEE 802.2, and SNAP (RFC 1042). The ethertype column holds the destination SAP, or the SNAP protocol id. The ids
    of an organization are not ethertypes, and two organizations may use the same ones: the payload then begins with the
    five bytes of OUI and id, so that the dissector can distinguish them.
    """
    cdef uint32_t company
    if at.off + 3 > at.end:
        return short_link(row)
    if data[at.off] == 0xAA and data[at.off + 1] == 0xAA:
        if at.off + 8 > at.end:
            return short_link(row)
        company = u32(data, at.off + 2) & 0xFFFFFF
        at.kind = u16(data, at.off + 6)
        if company == 0 or company == BRIDGE_TUNNEL:
            at.off += 8
            return NEXT
        row.ethertype = <unsigned short>at.kind
        at.off += 3
        at.kind = NOTHING
        return DONE
    if data[at.off] == 0xFF and data[at.off + 1] == 0xFF:  # raw 802.3 (IPX)
        row.ethertype = 0x8137
        at.kind = NOTHING
        return DONE
    row.ethertype = data[at.off]
    at.off += 3
    at.kind = NOTHING
    return DONE


cdef inline int null_or_loop(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """BSD loopback: an address family in byte order of the capturing host (NULL) or of the network (LOOP); either order
    is accepted.
    """
    cdef uint8_t family
    if at.off + 4 > at.end:
        return short_link(row)
    family = data[at.off] | data[at.off + 3]
    at.off += 4
    at.kind = BY_VERSION if family in (2, 10, 24, 28, 30) else NOTHING
    return NEXT if at.kind else DONE


cdef inline int cooked(
    const uint8_t[::1] data, Row* row, At* at, int protocol, int hardware, int address_length, int address, int size
) except -1 nogil:
    """Linux cooked captures, v1 and v2: the sender's MAC and a protocol, at the given offsets."""
    if at.off + size > at.end:
        return short_link(row)
    if address_length == 6:
        row.src_mac = u48(data, at.off + address)
    at.kind = u16(data, at.off + protocol)
    if hardware == 824 or hardware == 803 or hardware == 802 or hardware == 801:  # netlink, wireless: no ethertype
        at.kind = NOTHING
    at.off += size
    if at.kind == 4:
        at.kind = LLC
    elif at.kind < 1536:
        at.kind = NOTHING
    return NEXT if at.kind else DONE


cdef inline int ppp(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 1661: a protocol field of two bytes, or one byte if compressed; HDLC-like framing (RFC 1662) may precede
    it.
    """
    cdef int protocol
    if at.off + 2 <= at.end and data[at.off] == 0xFF and data[at.off + 1] == 0x03:
        at.off += 2
    if at.off + 2 > at.end:
        return short_link(row)
    if data[at.off] & 1:
        protocol = data[at.off]
        at.off += 1
    else:
        protocol = u16(data, at.off)
        at.off += 2
    if protocol == 0x21:
        at.kind = 0x0800
    elif protocol == 0x57:
        at.kind = 0x86DD
    elif protocol == 0x281:
        at.kind = 0x8847
    else:
        at.kind = NOTHING
    return NEXT if at.kind else DONE


cdef inline int chdlc(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Cisco HDLC: address, control, ethertype; PPP in HDLC framing if the address indicates it."""
    if at.off + 4 > at.end:
        return short_link(row)
    if data[at.off] == 0xFF:
        return ppp(data, row, at)
    at.kind = u16(data, at.off + 2)
    at.off += 4
    return NEXT


cdef inline int wireless(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """IEEE 802.11-2020, 9.3.2: unencrypted data frames have MACs and an 802.2 header; all others are counted but not
    decoded. Of frames aggregated in one (9.3.2.2), the first is decoded. In tunnels, the first two bytes may be swapped
    (tunnels.pxd).
    """
    cdef int control, flags, size = 24, aggregated = 0
    cdef Py_ssize_t off = at.off
    if off + 24 > at.end:
        if off + 10 > at.end:
            return short_link(row)
        return DONE
    control, flags = data[off], data[off + 1]
    if at.depth and control & 3:
        control, flags = flags, control
    if control & 0x0C != 0x08 or control & 0x40 or flags & 0x40:  # not data, no payload (null), or encrypted
        return DONE
    if flags & 3 == 0:
        row.dst_mac, row.src_mac = u48(data, off + 4), u48(data, off + 10)
    elif flags & 3 == 1:  # to the access point
        row.dst_mac, row.src_mac = u48(data, off + 16), u48(data, off + 10)
    elif flags & 3 == 2:  # from the access point
        row.dst_mac, row.src_mac = u48(data, off + 4), u48(data, off + 16)
    else:  # between access points
        size = 30
        if off + 30 > at.end:
            return short_link(row)
        row.dst_mac, row.src_mac = u48(data, off + 16), u48(data, off + 24)
    if control & 0x80:
        aggregated = data[off + size] & 0x80 if off + size < at.end else 0
        size += 6 if flags & 0x80 else 2
        if off + size > at.end:
            return short_link(row)
    at.off += size
    at.kind = LLC
    if aggregated:
        if at.off + 14 > at.end:
            return short_link(row)
        row.dst_mac, row.src_mac = u48(data, at.off), u48(data, at.off + 6)
        at.off += 14
        at.end = min(at.end, at.off + u16(data, at.off - 2))
    return NEXT


cdef inline int vlan_tag(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """IEEE 802.1Q and 802.1ad: the outermost tag names the VLAN. A network card may have removed it (``spare``)."""
    if at.off + 4 > at.end:
        return short_link(row)
    if row.vlan == 0:
        row.vlan = u16(data, at.off) & 0x0FFF
    elif at.depth == 0 and at.kind == 0x8100 and (row.spare or u16(data, at.off - 6) == 0x8100):
        row.problem |= NESTED_TAG
    at.kind = u16(data, at.off + 2)
    at.off += 4
    return typed(at)


cdef inline int backbone_tag(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """IEEE 802.1ah: four bytes with the service, then the frame of the customer, whose MACs count."""
    if at.off + 4 > at.end:
        return short_link(row)
    at.off += 4
    at.kind = ETHERNET
    return NEXT


cdef inline int short_tag(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Tags of four bytes before the next ethertype: VN-Tag of Cisco's fabric extenders (IEEE 802.1Qbh, draft), HSR (IEC
    62439-3), the redundancy tag of IEEE 802.1CB; of six: Cisco metadata with the security group (0x8909).
    """
    cdef int size = 6 if at.kind == 0x8909 else 4
    if at.off + size + 2 > at.end:
        return short_link(row)
    at.kind = u16(data, at.off + size)
    at.off += size + 2
    return typed(at)


cdef inline int pppoe(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 2516: six bytes, then PPP."""
    if at.off + 8 > at.end:
        return short_link(row)
    at.off += 6
    return ppp(data, row, at)


cdef inline int mpls(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 3032 label stack; the payload is IP, or an Ethernet pseudowire (RFC 4448). The pseudowire has an optional
    control word that begins with zeros; a MAC that does, too, is recognized by a frequent ethertype behind it. A first
    nibble of 1 is an associated channel (RFC 4385).
    """
    cdef int labels = 0
    while True:
        if at.off + 4 > at.end:
            return short_link(row)
        labels += 1
        at.off += 4
        if data[at.off - 2] & 1:
            break
        if labels == MAX_TAGS:
            row.problem |= TAGS
            return DONE
    if at.off >= at.end:
        return short_link(row)
    if data[at.off] >> 4 == 4 or data[at.off] >> 4 == 6:
        at.kind = BY_VERSION
        return NEXT
    if at.off + 18 > at.end or data[at.off] >> 4 == 1:
        return DONE
    if data[at.off] == 0 and u16(data, at.off + 12) not in (0x0800, 0x0806, 0x8100, 0x86DD):
        at.off += 4
    at.kind = ETHERNET
    return NEXT


cdef inline int nflog(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Linux NFLOG: four bytes, then attributes with size and type in the byte order of the host, mostly
    little-endian.
    """
    cdef Py_ssize_t off = at.off + 4
    cdef int size, kind
    while off + 4 <= at.end:
        size, kind = u16le(data, off), u16le(data, off + 2) & 0x7FFF
        if size < 4 or off + size > at.end:
            break
        if kind == 8 and size >= 14 and u16(data, off + 4) == 6:
            row.src_mac = u48(data, off + 8)
        if kind == 9:
            at.off, at.end, at.kind = off + 4, off + size, BY_VERSION
            return NEXT
        off += size + 3 & ~3
    return short_link(row)


cdef inline int radiotap_flags(const uint8_t[::1] data, Py_ssize_t off, Py_ssize_t end) except -1 nogil:
    """The flags field of a radiotap header, which a timestamp may precede; 0 if there is none."""
    cdef Py_ssize_t at = off + 8
    cdef int more = data[off + 7] & 0x80
    while more and at + 4 <= end:  # more words of presence bits
        more = data[at + 3] & 0x80
        at += 4
    if data[off + 4] & 1:
        at = off + (at - off + 7 & ~7) + 8
    return data[at] if data[off + 4] & 2 and at < end else 0


cdef inline int enclosed(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Skip the header that a capturing program or driver puts before the frame. Returns the link type of the frame,
    SHORT if the header is truncated, or the radio received the frame with errors.
    """
    cdef int link = row.link, flags
    cdef int64_t size = 0
    if link not in (109, 117, 119, 127, 163, 166, 178, 192, 204, 205, 240, 241, 258):
        return link
    if at.off + 12 > at.end:
        size = 0
    elif link == 127:  # radiotap
        size, link = u16le(data, at.off + 2), 105
        if size > 8 and at.off + size <= at.end and radiotap_flags(data, at.off, at.off + size) & BAD_SEQUENCE:
            return SHORT
    elif link == 119 or link == 163:  # Prism, in the byte order of its host, or AVS, which may take its number
        size, link = u32(data, at.off + 4), 105
        if size > 0xFFFF:
            size = u16le(data, at.off + 4)
    elif link == 192:  # PPI
        size, link = u16le(data, at.off + 2), u16le(data, at.off + 4)
    elif link == 258:  # PKTAP of macOS
        size, link = u16le(data, at.off), u16le(data, at.off + 8)
    elif link == 178:  # Junos: "MGC", flags, extensions, the protocol family in place of a link header
        flags = data[at.off + 3]
        size = (6 + u16(data, at.off + 4) if flags & 0x80 else 4) + (4 if flags & 2 else 0)
        link = 101 if flags & 2 else 1
    elif link == 117:  # pflog of OpenBSD: its size without padding
        size, link = data[at.off] + 3 & ~3, 101
    elif link == 109:  # enc of OpenBSD
        size, link = 12, 101
    elif link == 240 or link == 241:  # netANALYZER, without or with a preamble
        size, link = 4 if link == 240 else 12, 1
    elif link == 204 or link == 205:  # a direction before PPP or Cisco HDLC
        size, link = 1, 9 if link == 204 else 104
    else:  # PPP of Linux, with a direction in place of the address
        size, link = 2, 9
    if size == 0 or at.off + size > at.end:
        row.problem |= LINK_SHORT
        return SHORT
    at.off += size
    return link


cdef inline int first_link(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """The outermost layer, by link type number (tcpdump.org registry)."""
    cdef int link = row.link
    if link != 1:
        link = enclosed(data, row, at)
    if link == 1:
        return ethernet(data, row, at)
    if link == 113:
        if at.off + 16 > at.end:
            return short_link(row)
        return cooked(data, row, at, 14, u16(data, at.off + 2), u16(data, at.off + 4), 6, 16)
    if link == 276:
        if at.off + 20 > at.end:
            return short_link(row)
        return cooked(data, row, at, 0, u16(data, at.off + 8), data[at.off + 11], 12, 20)
    if link == 12 or link == 14 or link == 101 or link == 228 or link == 229 or link == 31:
        at.kind = BY_VERSION
        return NEXT
    if link == 0 or link == 108:
        return null_or_loop(data, row, at)
    if link == 9 or link == 50:
        if link == 50 and at.off < at.end and (data[at.off] == 0x0F or data[at.off] == 0x8F):
            return chdlc(data, row, at)
        return ppp(data, row, at)
    if link == 51:
        return pppoe(data, row, at)
    if link == 104:
        return chdlc(data, row, at)
    if link == 105:
        return wireless(data, row, at)
    if link == 219:
        return mpls(data, row, at)
    if link == 239:
        return nflog(data, row, at)
    if link != SHORT:
        row.problem |= LINK_UNKNOWN
    return DONE
