# One decoded frame: the memory layout of sensor.core.batch.ROW, field for field (tests compare the two).
# Ordered by size so that there is no padding: 128 bytes, two cache lines.
# ``ethertype`` of frames with an 802.2 header: the destination SAP, or the SNAP protocol id; a vendor-specific id is
# repeated in the payload (link.pxd, llc).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# ``begins`` of TCP rows: length of the TCP header in 32-bit words. The select pass shifts it by two bits and adds
# whether a message begins with the row (1); if the payload is the header, it is 2 alone. ``spare`` of TCP rows with a
# payload, after the select pass: bytes missing from the capture between the previous payload of its direction and this
# one. ``ethertype`` of TCP rows that are CUT: bytes of the segment that were not captured (``cut_off``).
ctypedef packed struct Row:
    int64_t ts
    int64_t frame
    uint64_t src_hi
    uint64_t src_lo
    uint64_t dst_hi
    uint64_t dst_lo
    uint64_t src_mac
    uint64_t dst_mac
    uint64_t flow
    uint64_t wanted
    uint32_t caplen
    uint32_t wirelen
    uint32_t payload
    uint32_t payload_len
    uint32_t seq
    int32_t slot
    uint16_t link
    uint16_t source
    uint16_t vlan
    uint16_t ethertype
    uint16_t sport
    uint16_t dport
    uint16_t problem
    uint16_t spare
    uint8_t ip_version
    uint8_t proto
    uint8_t ttl
    uint8_t fragment
    uint8_t tcp_flags
    uint8_t tunnels
    uint8_t direction
    uint8_t begins

# Bits of Row.problem: sensor.core.batch.Problem, bit for bit.
cdef enum:
    CUT = 1  # fewer bytes were captured than sent
    LINK_SHORT = 2         # ended inside the link header
    NETWORK_SHORT = 4      # ended inside the IP header
    NETWORK_HEADER = 8  # invalid IP version or header length
    NETWORK_LENGTH = 16    # IP length smaller than its header or larger than the frame
    EXTENSIONS = 32  # IPv6 extension headers: too many, or truncated
    TRANSPORT_SHORT = 64   # ended inside the TCP, UDP or ICMP header
    TRANSPORT_HEADER = 128  # invalid TCP data offset or UDP length
    TUNNEL_DEPTH = 256  # more nested tunnels than supported
    TUNNEL_HEADER = 512  # a truncated or invalid tunnel header
    TAGS = 1024  # more VLAN tags or MPLS labels than supported
    LINK_UNKNOWN = 2048  # a link type that is not decoded: counted by name, not a fault of the frame
    # set by the flow table: the connection began with a handshake and no packet of the other end was captured so far
    ONE_SIDED = 4096
    # set by the flow table: a reset whose source MAC sent no other packet of this end, which has a MAC of its own
    FOREIGN_RESET = 8192
    NESTED_TAG = 16384  # a second tag of IEEE 802.1Q behind the first, which is no fault of the frame


# Bits of Row.tcp_flags as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
cdef enum:
    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16

# Values of Row.fragment. The first fragment of TCP and of other protocols without ports in the first eight bytes counts
# as a later one.
cdef enum:
    WHOLE = 0
    FIRST_FRAGMENT = 1
    LATER_FRAGMENT = 2


cdef inline uint32_t cut_off(const Row* row) noexcept nogil:  # arithmetic only
    """Bytes of a TCP segment behind its captured payload."""
    return row.ethertype if row.problem & CUT else 0


cdef inline int64_t acknowledged(const Row* row, const uint8_t* frame) noexcept nogil:  # the header was decoded
    """The acknowledgment number of a TCP row that was selected; -1 if it has none."""
    cdef uint32_t header = (row.begins >> 2) * 4
    cdef const uint8_t* number
    if header < 20 or row.payload < header or not row.tcp_flags & ACK:
        return -1
    number = frame + row.payload - header + 8
    return <uint32_t>number[0] << 24 | <uint32_t>number[1] << 16 | <uint32_t>number[2] << 8 | number[3]
