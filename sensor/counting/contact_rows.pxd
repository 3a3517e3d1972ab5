# Rows of contacts, attempts and endpoints, and the constants for reading flow changes.
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

ctypedef packed struct Contact:
    uint64_t client
    uint64_t server
    uint64_t attempt_key
    uint64_t block
    int64_t ts
    int64_t since
    uint32_t service
    int32_t row
    uint16_t client_port
    uint16_t spare
    int8_t op
    int8_t step
    uint8_t kind
    uint8_t flags

# Input of one window, row by row: the columns of DistinctWindow.follow, and the index among the contacts.
ctypedef packed struct Attempt:
    uint64_t key
    uint64_t value
    int64_t ts
    int64_t since
    int32_t at
    int8_t op
    uint8_t spare
    uint16_t more

# An endpoint of a flow.
ctypedef packed struct End:
    int64_t ts
    uint64_t mac
    uint64_t hi
    uint64_t lo
    int32_t row
    uint16_t vlan
    uint16_t spare

# Bits of ``flags``.
cdef enum:
    CLIENT_INSIDE = 1
    SERVER_INSIDE = 2

# A client that sends no more than this many packets was not answered unseen either. Answers count against openings of
# the last minute.
cdef enum:
    LONE_PACKETS = 3
    MINUTE = 60  # seconds

# Values of sensor.core.flow.Change and Reason, and of IP protocols and ICMP types.
cdef enum:
    CHANGE_NEW = 1
    CHANGE_ANSWERED = 2
    CHANGE_REFUSED = 3
    CHANGE_ENDED = 4
    CHANGE_PROGRESS = 5
    REASON_EVICTED = 4
    ICMP = 1
    TCP = 6
    UDP = 17
    ICMP6 = 58
    SCTP = 132
    ECHO = 8
    ECHO6 = 128

# UDP ports: DHCP (RFC 2131), DHCPv6 (RFC 8415), multicast DNS (RFC 6762).
cdef enum:
    DHCP_SERVER = 67
    DHCP_CLIENT = 68
    DHCP6_CLIENT = 546
    DHCP6_SERVER = 547
    MDNS = 5353
