# Initial packets of QUIC (RFC 9000, 17.2.2), and their protection (RFC 9001, 5).
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.native.aes cimport Aes
from sensor.native.read cimport Bytes

cdef enum:
    ID_LIMIT = 20          # bytes (RFC 9000, 17.2)
    DATAGRAM_LIMIT = 65536

cdef struct Header:
    const uint8_t* destination
    uint32_t destination_size
    uint32_t number        # offset of the packet number
    uint32_t stop          # offset of the end

cdef struct Keys:          # of the client
    int version            # -1: none
    uint32_t id_size
    uint8_t[ID_LIMIT] id
    uint8_t[12] nonce
    Aes packet
    Aes header

cdef int version_of(const uint8_t* data, uint32_t size) noexcept nogil  # compares sizes first
cdef bint is_initial(const uint8_t* data, uint32_t size, uint32_t at, int version) noexcept nogil  # the same
# reads are checked
cdef bint read_header(const uint8_t* data, uint32_t size, uint32_t at, Header* found) noexcept nogil
cdef int derive(Keys* found, int version, const Header* header) except -1 nogil
# ``known``: room for a datagram. ``read_header`` checked the offsets; writes fewer bytes than the packet has
cdef bint decrypted(
    const Keys* keys, const uint8_t* data, uint32_t at, const Header* header, uint8_t* known, uint8_t* plain,
    uint32_t* size
) noexcept nogil
cdef uint64_t varint(Bytes* b) noexcept nogil  # reads are checked
