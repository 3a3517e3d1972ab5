# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Initial packets of QUIC, as ``sensor.dissectors.quic`` reads them."""

import struct

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from sensor.dissectors.quic import FIXED, LONG
from sensor.dissectors.quic import ID_LIMIT as _ID_LIMIT
from sensor.dissectors.quic import VERSIONS as _VERSIONS
from sensor.native.aes cimport BLOCK, NONCE, aes_key, decrypt, encrypt
from sensor.native.read cimport Bytes, take, u8
from sensor.native.sha256 cimport DIGEST, Hmac, hmac, hmac_key

cdef enum:
    VERSIONS = 4
    NUMBER_LIMIT = 4       # bytes of a packet number: the sample follows the longest one (RFC 9001, 5.4.2)
    SAMPLE = 16
    ID_AT = 5              # offset of the connection ids
    UNPROTECTED = 0xF0     # bits of the first byte

cdef struct Label:         # of HKDF-Expand-Label (RFC 8446, 7.1), with the number of the block
    uint8_t[32] text
    uint32_t size

cdef struct Version:
    uint8_t[4] number
    uint8_t first          # its first byte, without protected bits
    Hmac salt
    Label key
    Label nonce
    Label header

cdef Version[VERSIONS] versions
cdef Label client


cdef int _label(Label* found, bytes word, int size) except -1:
    cdef bytes text = b"tls13 " + word
    text = struct.pack("!HB", size, len(text)) + text + b"\0\1"
    found.size = <uint32_t>len(text)
    memcpy(found.text, <const uint8_t*>text, found.size)
    return 0


def _fill():
    """Copy what is known of the versions."""
    cdef bytes number, salt
    cdef int at
    if len(_VERSIONS) != VERSIONS or _ID_LIMIT != ID_LIMIT:
        raise ValueError("constants of the reference have changed")
    for at, (number, version) in enumerate(_VERSIONS.items()):
        salt = version.salt
        memcpy(versions[at].number, <const uint8_t*>number, 4)
        versions[at].first = LONG | FIXED | version.initial
        hmac_key(&versions[at].salt, salt, <uint32_t>len(salt))
        _label(&versions[at].key, version.word + b" key", BLOCK)
        _label(&versions[at].nonce, version.word + b" iv", NONCE)
        _label(&versions[at].header, version.word + b" hp", BLOCK)
    _label(&client, b"client in", DIGEST)


_fill()


cdef int version_of(const uint8_t* data, uint32_t size) noexcept nogil:  # compares sizes first
    """The version of an Initial packet at the start of a datagram; -1 if there is none."""
    cdef int version
    for version in range(VERSIONS):
        if is_initial(data, size, 0, version):
            return version
    return -1


# compares sizes first
cdef bint is_initial(const uint8_t* data, uint32_t size, uint32_t at, int version) noexcept nogil:
    """Whether an Initial packet of a version begins here."""
    return (
        size >= ID_AT and at <= size - ID_AT and data[at] & UNPROTECTED == versions[version].first
        and memcmp(data + at + 1, versions[version].number, 4) == 0
    )


cdef uint64_t varint(Bytes* b) noexcept nogil:  # reads are checked
    """An integer of 1, 2, 4 or 8 bytes (RFC 9000, 16)."""
    cdef uint32_t first = u8(b)
    cdef uint64_t value = first & 0x3F
    cdef int i
    for i in range((1 << (first >> 6)) - 1):
        value = value << 8 | u8(b)
    return value


# reads are checked
cdef bint read_header(const uint8_t* data, uint32_t size, uint32_t at, Header* found) noexcept nogil:
    """RFC 9000, 17.2.2. False if it is malformed."""
    cdef Bytes b
    cdef uint64_t length
    b.data, b.at, b.end, b.bad = data, at + ID_AT, size, False
    found.destination_size = u8(&b)
    found.destination = take(&b, found.destination_size)
    length = u8(&b)
    if found.destination_size > ID_LIMIT or length > ID_LIMIT:
        return False
    take(&b, <uint32_t>length)
    length = varint(&b)
    if b.bad or length > b.end - b.at:
        return False
    take(&b, <uint32_t>length)  # the token
    length = varint(&b)
    if b.bad or length < NUMBER_LIMIT + SAMPLE or length > b.end - b.at:
        return False
    found.number, found.stop = b.at, b.at + <uint32_t>length
    return True


cdef int derive(Keys* found, int version, const Header* header) except -1 nogil:
    """The keys of packets to a connection id that the client chose (RFC 9001, 5.2), unless they are there."""
    cdef uint8_t[32] secret
    cdef Hmac key
    cdef const Version* v = &versions[version]
    if (
        found.version == version and found.id_size == header.destination_size
        and memcmp(found.id, header.destination, found.id_size) == 0
    ):
        return 0
    found.version, found.id_size = version, header.destination_size
    memcpy(found.id, header.destination, found.id_size)
    hmac(&v.salt, header.destination, header.destination_size, secret)
    hmac_key(&key, secret, DIGEST)
    hmac(&key, client.text, client.size, secret)
    hmac_key(&key, secret, DIGEST)
    hmac(&key, v.key.text, v.key.size, secret)
    aes_key(&found.packet, secret)
    hmac(&key, v.header.text, v.header.size, secret)
    aes_key(&found.header, secret)
    hmac(&key, v.nonce.text, v.nonce.size, secret)
    memcpy(found.nonce, secret, NONCE)
    return 0


# ``read_header`` checked the offsets; writes fewer bytes than the packet has
cdef bint decrypted(
    const Keys* keys, const uint8_t* data, uint32_t at, const Header* header, uint8_t* known, uint8_t* plain,
    uint32_t* size
) noexcept nogil:
    """Decrypt the payload of a packet (RFC 9001, 5.3 and 5.4). False if its keys differ."""
    cdef uint8_t[16] mask
    cdef uint8_t[12] nonce
    cdef uint32_t length, i, head = header.number - at
    encrypt(&keys.header, data + header.number + NUMBER_LIMIT, mask)
    memcpy(known, data + at, head)
    known[0] ^= mask[0] & 0x0F
    length = (known[0] & 3) + 1
    memcpy(nonce, keys.nonce, NONCE)
    for i in range(length):
        known[head + i] = data[header.number + i] ^ mask[1 + i]
        nonce[NONCE - length + i] ^= known[head + i]
    size[0] = header.stop - header.number - length - BLOCK
    return decrypt(&keys.packet, nonce, known, head + length, data + header.number + length, size[0], plain)
