# Big- and little-endian reads from a byte view, bounds-checked: for four bytes and more only the first and last byte
# are checked, which covers those between; and the position in the frame being decoded. No value means an error:
# distinguishing the two would take the GIL, for each frame to the broadcast address.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef struct At:
    Py_ssize_t off   # next byte to read
    Py_ssize_t end   # end of the readable bytes
    int kind         # kind of the next layer: an ethertype, or one of the values below
    int depth        # number of tunnels entered so far
    int cut          # bytes of the innermost IP packet that were not captured

cdef inline int u16(const uint8_t[::1] data, Py_ssize_t at) except -1 nogil:
    return data[at] << 8 | data[at + 1]

cdef inline int u16le(const uint8_t[::1] data, Py_ssize_t at) except -1 nogil:
    return data[at + 1] << 8 | data[at]

cdef inline int64_t u32(const uint8_t[::1] data, Py_ssize_t at) except -1 nogil:
    cdef const uint8_t* first = &data[at]
    return <int64_t>first[0] << 24 | <int64_t>first[1] << 16 | <int64_t>first[2] << 8 | data[at + 3]

cdef inline int64_t u48(const uint8_t[::1] data, Py_ssize_t at) except -1 nogil:
    cdef const uint8_t* first = &data[at]
    return (
        <int64_t>first[0] << 40
        | <int64_t>first[1] << 32
        | <int64_t>first[2] << 24
        | <int64_t>first[3] << 16
        | <int64_t>first[4] << 8
        | data[at + 5]
    )

# A value that hardly occurs: as the half of an address, all ones would be more frequent.
cdef inline uint64_t u64(const uint8_t[::1] data, Py_ssize_t at) except? 0x7C0F3D9A51E2864B nogil:
    cdef const uint8_t* first = &data[at]
    cdef uint64_t low = <uint64_t>first[4] << 24 | <uint64_t>first[5] << 16 | <uint64_t>first[6] << 8 | data[at + 7]
    return (
        <uint64_t>first[0] << 56
        | <uint64_t>first[1] << 48
        | <uint64_t>first[2] << 40
        | <uint64_t>first[3] << 32
        | low
    )

# Results of decoding one layer.
cdef enum:
    DONE = 0   # nothing more to read in this frame
    NEXT = 1   # at.kind is the next layer

# Values of At.kind other than ethertypes.
cdef enum:
    NOTHING = 0
    ETHERNET = 0x10000    # a whole Ethernet frame, inside a tunnel
    BY_VERSION = 0x10001  # IPv4 or IPv6, by the first nibble
    LLC = 0x10002         # 802.2 header
    PPP = 0x10003         # a PPP protocol field
    WIRELESS = 0x10004    # an 802.11 frame, inside a tunnel
