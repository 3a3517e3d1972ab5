# IPv4 and IPv6: addresses, extension headers, fragments.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.core.row cimport (
    CUT, EXTENSIONS, FIRST_FRAGMENT, LATER_FRAGMENT, NETWORK_HEADER, NETWORK_LENGTH, NETWORK_SHORT, WHOLE, Row,
)
from sensor.decode.bytes cimport DONE, NEXT, At, u16, u32, u64

cdef enum:
    MAX_EXTENSIONS = 8

cdef inline int part_of(Row* row, uint32_t identification, int eighths, int more) except -1 nogil:
    """A fragment: the datagram's identification is stored in the TCP sequence number column, its offset in units of
    eight bytes in ``spare``.
    """
    row.fragment = FIRST_FRAGMENT if eighths == 0 else LATER_FRAGMENT
    row.seq, row.spare, row.tcp_flags = identification, eighths, 1 if more else 0
    return 0


cdef inline int lacking(Row* row) noexcept nogil:  # arithmetic only
    """Bytes of the frame that were not captured."""
    return <int>(row.wirelen - row.caplen) if row.problem & CUT else 0


cdef inline int ends(Row* row, At* at, Py_ssize_t end) except -1 nogil:
    """The packet ends at ``end``; what lies behind is padding. One that is longer than its frame is malformed, and read
    as a truncated one: mirror sessions and packet brokers truncate frames without a mark.
    """
    at.cut = 0
    if end <= at.end:
        at.end = end
    elif row.problem & CUT:
        at.cut = <int>min(end - at.end, lacking(row), 0xFFFF)
    else:
        row.problem |= NETWORK_LENGTH | CUT
    return 0


cdef inline int ipv4(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 791. The length field determines the end of the packet; segmentation offload leaves it 0."""
    cdef Py_ssize_t off = at.off
    cdef int header, total, fragment
    if off + 20 > at.end:
        row.problem |= NETWORK_SHORT
        return DONE
    header = (data[off] & 15) * 4
    if data[off] >> 4 != 4 or header < 20:
        row.problem |= NETWORK_HEADER
        return DONE
    total = u16(data, off + 2)
    row.ip_version, row.ethertype, row.fragment = 4, 0x0800, WHOLE
    row.ttl, row.proto = data[off + 8], data[off + 9]
    row.src_hi, row.dst_hi = 0, 0
    row.src_lo = <uint64_t>0xFFFF00000000 | u32(data, off + 12)
    row.dst_lo = <uint64_t>0xFFFF00000000 | u32(data, off + 16)
    if total == 0:
        total = <int>(at.end - off) + lacking(row)
    if total < header:
        row.problem |= NETWORK_LENGTH
        return DONE
    ends(row, at, off + total)
    if off + header > at.end:
        row.problem |= NETWORK_SHORT
        return DONE
    fragment = u16(data, off + 6)
    if fragment & 0x3FFF:
        part_of(row, u16(data, off + 4), fragment & 0x1FFF, fragment & 0x2000)
    at.off = off + header
    return NEXT


cdef inline int ipv6(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """RFC 8200, with its extension headers up to a limit; ``proto`` is the protocol after them."""
    cdef Py_ssize_t off = at.off
    cdef int size, headers = 0
    if off + 40 > at.end:
        row.problem |= NETWORK_SHORT
        return DONE
    if data[off] >> 4 != 6:
        row.problem |= NETWORK_HEADER
        return DONE
    row.ip_version, row.ethertype, row.fragment = 6, 0x86DD, WHOLE
    row.proto, row.ttl = data[off + 6], data[off + 7]
    row.src_hi, row.src_lo = u64(data, off + 8), u64(data, off + 16)
    row.dst_hi, row.dst_lo = u64(data, off + 24), u64(data, off + 32)
    size = u16(data, off + 4)
    off += 40
    # 0: a jumbogram (RFC 2675) or segmentation offload
    ends(row, at, off + size if size else at.end + lacking(row))
    at.off = off
    while row.proto in (0, 43, 44, 51, 60, 135, 139, 140):
        headers += 1
        if headers > MAX_EXTENSIONS or off + 8 > at.end:
            row.problem |= EXTENSIONS
            return DONE
        if row.proto == 44:
            if u16(data, off + 2) & 0xFFF9:
                part_of(row, u32(data, off + 4), u16(data, off + 2) >> 3, data[off + 3] & 1)
            size = 8
        elif row.proto == 51:
            size = (data[off + 1] + 2) * 4
        else:
            size = (data[off + 1] + 1) * 8
        row.proto = data[off]
        off += size
        if off > at.end:
            row.problem |= EXTENSIONS
            return DONE
        at.off = off
        if row.fragment == LATER_FRAGMENT:
            break
    return NEXT
