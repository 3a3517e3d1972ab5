# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The decode pass: fills the columns of every row of a batch from the bytes of its frame. Stateless; malformed headers
set bits in ``problem`` and never raise.

The layers are in link.pxd, network.pxd, transport.pxd and tunnels.pxd. Columns describe the innermost packet;
``tunnels`` counts the encapsulations around it.
"""

from libc.stdint cimport uint8_t, uint32_t

from sensor.core.row cimport CUT, LATER_FRAGMENT, LINK_SHORT, LINK_UNKNOWN, NESTED_TAG, TAGS, WHOLE, Row
from sensor.decode.bytes cimport BY_VERSION, DONE, ETHERNET, LLC, NEXT, NOTHING, PPP, WIRELESS, At
from sensor.decode.link cimport (
    MAX_TAGS, backbone_tag, ethernet, first_link, llc, mpls, ppp, pppoe, short_tag, vlan_tag, wireless,
)
from sensor.decode.network cimport ipv4, ipv6
from sensor.decode.transport cimport icmp, payload_is, sctp, tcp, udp
from sensor.decode.tunnels cimport enter, gre, udp_tunnel


cdef inline int above_fragment(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """The first fragment: UDP ports and ICMP types are decoded at once, the rest when the datagram is complete
    (sensor.decode.datagrams).
    """
    if row.proto == 17:
        return udp(data, row, at)
    if row.proto == 1 or row.proto == 58:
        return icmp(data, row, at)
    row.fragment = LATER_FRAGMENT
    return DONE


cdef inline int above_ip(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    payload_is(row, at, at.off)
    if row.fragment == LATER_FRAGMENT:
        return DONE
    if row.fragment != WHOLE and not row.problem & CUT:
        return above_fragment(data, row, at)
    if row.proto == 6:
        return tcp(data, row, at)
    if row.proto == 17:
        udp(data, row, at)
        if row.payload_len and (
            row.dport in (1701, 2152, 3544, 4789, 5247, 6081, 8472, 37008) or row.sport in (3544, 5247)
        ):
            at.off = row.frame + row.payload
            return udp_tunnel(data, row, at)
        return DONE
    if row.proto == 1 or row.proto == 58:
        return icmp(data, row, at)
    if row.proto == 132:
        return sctp(data, row, at)
    if row.proto == 47:
        return gre(data, row, at)
    if row.proto == 4 or row.proto == 41:
        return enter(row, at, at.off, BY_VERSION)
    if row.proto == 137:
        return enter(row, at, at.off, 0x8847)
    return DONE


cdef inline int bare(Row* row, At* at) except -1 nogil:
    """A frame without an IP packet, in a tunnel: clear the addresses and protocol of the outer packet."""
    if at.depth:
        row.ip_version = row.proto = row.ttl = 0
        row.src_hi = row.src_lo = row.dst_hi = row.dst_lo = 0
    return payload_is(row, at, at.off)


cdef inline int layer(const uint8_t[::1] data, Row* row, At* at) except -1 nogil:
    """Decode one layer, by ``at.kind``."""
    cdef int kind = at.kind
    if kind == 0x0800:
        return above_ip(data, row, at) if ipv4(data, row, at) == NEXT else DONE
    if kind == 0x86DD:
        return above_ip(data, row, at) if ipv6(data, row, at) == NEXT else DONE
    if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
        return vlan_tag(data, row, at)
    if kind == BY_VERSION:
        if at.off >= at.end:
            row.problem |= LINK_SHORT
            return DONE
        at.kind = 0x86DD if data[at.off] >> 4 == 6 else 0x0800
        return NEXT
    if kind == ETHERNET:
        return ethernet(data, row, at)
    if kind == LLC:
        if llc(data, row, at) == NEXT:
            return NEXT
        return bare(row, at)
    if kind == 0x88E7:
        return backbone_tag(data, row, at)
    if kind == 0x8926 or kind == 0x8909 or kind == 0x892F or kind == 0xF1C1:
        return short_tag(data, row, at)
    if kind == 0x8864:
        return pppoe(data, row, at)
    if kind == PPP:
        return ppp(data, row, at)
    if kind == WIRELESS:
        return wireless(data, row, at)
    if kind == 0x8847 or kind == 0x8848:
        return mpls(data, row, at)
    if kind != NOTHING:
        row.ethertype = <unsigned short>kind
        bare(row, at)
    return DONE


cdef inline int frame(const uint8_t[::1] data, Row* row) except -1 nogil:
    cdef At at
    cdef int layers = 0
    at.off = row.frame
    at.end = row.frame + row.caplen
    at.kind = NOTHING
    at.depth = at.cut = 0
    if row.frame < 0 or at.end > data.shape[0]:
        raise IndexError("a row points outside its block")
    if row.wirelen > row.caplen:
        row.problem |= CUT
    row.slot = -1
    if first_link(data, row, &at) != NEXT:
        return 0
    while layer(data, row, &at) == NEXT:
        layers += 1
        if layers > 4 * MAX_TAGS:
            row.problem |= TAGS
            break
    return 0


cdef Py_ssize_t decode_rows(const uint8_t[::1] data, Row[::1] rows, Py_ssize_t* fragments) except -1 nogil:
    """Decode all rows; returns the number of malformed ones. ``fragments``: incremented by the number of fragments."""
    cdef Py_ssize_t i, faulty = 0
    for i in range(rows.shape[0]):
        frame(data, &rows[i])
        if rows[i].problem & ~<unsigned short>(CUT | LINK_UNKNOWN | NESTED_TAG):
            faulty += 1
        if rows[i].fragment:
            fragments[0] += 1
    return faulty


def decode(const uint8_t[::1] data, Row[::1] rows):
    """Decode every row in place; returns the number of malformed rows: those with a problem other than truncation, an
    unsupported link type or a second tag. Rows must be fresh: zero except for the columns filled by the source.

    Raises IndexError if a row points outside the block, which only a faulty source can cause.
    """
    cdef Py_ssize_t faulty, fragments = 0
    with nogil:
        faulty = decode_rows(data, rows, &fragments)
    return faulty
