# One decoded frame: the memory layout of sensor.core.batch.ROW, field for field (tests compare the two).
# Ordered by size so that there is no padding: 128 bytes, two cache lines.
# ``ethertype`` of frames with an 802.2 header: the destination SAP, or the SNAP protocol id; a company's own id is
# repeated in the payload (link.pxd, llc).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# ``begins`` of TCP rows: words of the TCP header, until the select pass sets whether a message begins with the row (1),
# or that its payload is the header (2). ``spare`` of TCP rows with a payload, after the select pass: bytes that the
# capture lacks between the last payload of its direction and this one.
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
    CUT = 1                # the capture holds fewer bytes than were on the wire
    LINK_SHORT = 2         # ended inside the link header
    NETWORK_SHORT = 4      # ended inside the IP header
    NETWORK_HEADER = 8     # IP version or header length is impossible
    NETWORK_LENGTH = 16    # IP length smaller than its header or larger than the frame
    EXTENSIONS = 32        # IPv6 extension headers: too many, or cut
    TRANSPORT_SHORT = 64   # ended inside the TCP, UDP or ICMP header
    TRANSPORT_HEADER = 128 # TCP data offset or UDP length is impossible
    TUNNEL_DEPTH = 256     # more nested tunnels than we follow
    TUNNEL_HEADER = 512    # a tunnel header that is cut or impossible
    TAGS = 1024            # more VLAN tags or MPLS labels than we follow
    LINK_UNKNOWN = 2048    # a link type we do not decode: counted by name, no fault of the frame
    # set by the flow table: of a connection that began with a handshake, no packet of the other end was captured so far
    ONE_SIDED = 4096

# Bits of Row.tcp_flags are those of the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
cdef enum:
    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16

# Values of Row.fragment. Of TCP and others without ports in the first eight bytes, the first fragment counts as a later
# one.
cdef enum:
    WHOLE = 0
    FIRST_FRAGMENT = 1
    LATER_FRAGMENT = 2
