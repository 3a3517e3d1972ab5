# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native seals of credentials: see ``sensor.dissectors.shared.seal`` for their purpose."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from sensor.dissectors.shared.seal import DIGITS, SALT
from sensor.native.out cimport PUNT, TAKEN, Messages, Out, fits, reserve, span
from sensor.native.read cimport lower
from sensor.native.text cimport character, digit

cdef enum:
    BLOCK = 128
    ROUNDS = 12

cdef uint64_t[8] IV = [
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1, 0x510E527FADE682D1,
    0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
]
cdef uint8_t[160] ORDER = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4, 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
    9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13, 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
    12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11, 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
    6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5, 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]
cdef uint64_t[2] salt
cdef uint32_t digits = DIGITS
cdef bytes padded = SALT.ljust(16, b"\0")
memcpy(&salt[0], <const uint8_t*>padded, 16)


cdef int seal(
    Out* out, const uint8_t* user, uint32_t user_size, const uint8_t* password, uint32_t size, uint64_t* found
) except -1 nogil:
    """The seal as text. PUNT if user and password do not fit into one block, or the user is not ASCII."""
    cdef uint64_t[16] block
    cdef uint8_t* bytes_ = <uint8_t*>&block[0]
    cdef uint64_t digest
    cdef uint32_t i
    if user_size > BLOCK or size > BLOCK or user_size + size + 1 > BLOCK or not fits(out, 0, digits):
        return PUNT
    for i in range(16):
        block[i] = 0
    for i in range(user_size):
        if user[i] >= 128:
            return PUNT
        bytes_[i] = lower(user[i])
    memcpy(&bytes_[user_size + 1], password, size)
    digest = hashed(&block[0], user_size + 1 + size)
    found[0] = span(out.text_used, digits)
    for i in range(digits):
        character(out, digit(digest >> (8 * (i // 2) + (0 if i % 2 else 4)) & 15))
    return TAKEN


cdef uint64_t hashed(const uint64_t* block, uint32_t size) noexcept nogil:  # arithmetic only
    """The first eight bytes of the hash of a single block. Words are little-endian, like all supported hosts."""
    cdef uint64_t[8] h
    cdef uint64_t[16] v
    cdef int i, turn, column
    cdef const uint8_t* order
    for i in range(8):
        h[i] = IV[i]
    h[0] ^= 0x01010008  # eight bytes of digest, no key, one leaf
    h[4] ^= salt[0]
    h[5] ^= salt[1]
    for i in range(8):
        v[i], v[i + 8] = h[i], IV[i]
    v[12] ^= size
    v[14] = ~v[14]
    for turn in range(ROUNDS):
        order = &ORDER[16 * (turn % 10)]
        for column in range(4):
            mix(
                &v[column], &v[column + 4], &v[column + 8], &v[column + 12], block[order[2 * column]],
                block[order[2 * column + 1]],
            )
        for i in range(4):
            mix(
                &v[i], &v[4 + (i + 1) % 4], &v[8 + (i + 2) % 4], &v[12 + (i + 3) % 4], block[order[8 + 2 * i]],
                block[order[9 + 2 * i]],
            )
    return h[0] ^ v[0] ^ v[8]


# arithmetic only
cdef inline void mix(uint64_t* a, uint64_t* b, uint64_t* c, uint64_t* d, uint64_t x, uint64_t y) noexcept nogil:
    """RFC 7693, 3.1."""
    a[0] += b[0] + x
    d[0] = turned(d[0] ^ a[0], 32)
    c[0] += d[0]
    b[0] = turned(b[0] ^ c[0], 24)
    a[0] += b[0] + y
    d[0] = turned(d[0] ^ a[0], 16)
    c[0] += d[0]
    b[0] = turned(b[0] ^ c[0], 63)


cdef inline uint64_t turned(uint64_t word, int by) noexcept nogil:  # arithmetic only
    return word >> by | word << (64 - by)


def sealed(bytes user not None, bytes password not None):
    """The seal for Python tests: None if it is left to ``sensor.dissectors.shared.seal``."""
    cdef Messages messages = Messages()
    cdef uint64_t found = 0
    reserve(&messages.out)
    if seal(&messages.out, user, <uint32_t>len(user), password, <uint32_t>len(password), &found) == PUNT:
        return None
    return messages.out.text[: messages.out.text_used].decode("ascii")
