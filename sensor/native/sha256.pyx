# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""HMAC-SHA-256 (FIPS 180-4, RFC 2104) of short messages, without the GIL."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

cdef enum:
    BLOCK = 64
    ROUNDS = 64

cdef uint32_t[8] START
cdef uint32_t[64] CONSTANTS


def _fraction(prime, root):
    """The first 32 bits of the fractional part of a root of a prime."""
    low, high = 0, prime << 32
    while low < high:  # the largest integer whose power does not exceed the scaled prime
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**root <= prime << 32 * root else (low, middle - 1)
    return low & 0xFFFFFFFF


_PRIMES = [number for number in range(2, 312) if all(number % other for other in range(2, int(number**0.5) + 1))]
for _at, _prime in enumerate(_PRIMES):
    CONSTANTS[<int>_at] = _fraction(_prime, 3)
    if _at < 8:
        START[<int>_at] = _fraction(_prime, 2)


cdef inline uint32_t turned(uint32_t word, int by) noexcept nogil:  # arithmetic only
    return word >> by | word << (32 - by)


cdef int compress(uint32_t* state, const uint8_t* block) noexcept nogil:  # reads one block
    """FIPS 180-4, 6.2.2."""
    cdef uint32_t[64] w
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3]
    cdef uint32_t e = state[4], f = state[5], g = state[6], h = state[7]
    cdef uint32_t one, two
    cdef int i
    for i in range(16):
        w[i] = (
            <uint32_t>block[4 * i] << 24 | <uint32_t>block[4 * i + 1] << 16 | <uint32_t>block[4 * i + 2] << 8
            | block[4 * i + 3]
        )
    for i in range(16, ROUNDS):
        one = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3
        two = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10
        w[i] = w[i - 16] + one + w[i - 7] + two
    for i in range(ROUNDS):
        one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + CONSTANTS[i] + w[i]
        two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c)
        h, g, f, e, d, c, b, a = g, f, e, d + one, c, b, a, one + two
    state[0], state[1], state[2], state[3] = state[0] + a, state[1] + b, state[2] + c, state[3] + d
    state[4], state[5], state[6], state[7] = state[4] + e, state[5] + f, state[6] + g, state[7] + h
    return 0


cdef int hmac_key(Hmac* found, const uint8_t* key, uint32_t size) except -1 nogil:
    """Raises ValueError if the key is longer than a block."""
    cdef uint8_t[64] block
    cdef uint32_t i
    if size > BLOCK:
        with gil:
            raise ValueError(f"a key of {size} bytes, expected {BLOCK} at most")
    memset(block, 0x36, BLOCK)
    for i in range(size):
        block[i] ^= key[i]
    memcpy(found.inner, START, DIGEST)
    compress(found.inner, block)
    for i in range(BLOCK):
        block[i] ^= 0x36 ^ 0x5C
    memcpy(found.outer, START, DIGEST)
    compress(found.outer, block)
    return 0


cdef int hmac(const Hmac* key, const uint8_t* message, uint32_t size, uint8_t* found) except -1 nogil:
    """The DIGEST bytes. Raises ValueError if the message is longer than MESSAGE_LIMIT."""
    cdef uint32_t[8] state
    if size > MESSAGE_LIMIT:
        with gil:
            raise ValueError(f"a message of {size} bytes, expected {MESSAGE_LIMIT} at most")
    memcpy(state, key.inner, DIGEST)
    last_block(state, message, size, found)
    memcpy(state, key.outer, DIGEST)
    return last_block(state, found, DIGEST, found)


# ``size`` was checked
cdef int last_block(uint32_t* state, const uint8_t* message, uint32_t size, uint8_t* found) noexcept nogil:
    """Compress the end of a message that a block of key precedes; writes the digest."""
    cdef uint8_t[64] block
    cdef uint32_t bits = (BLOCK + size) * 8
    cdef int i
    memset(block, 0, BLOCK)
    memcpy(block, message, size)
    block[size], block[BLOCK - 2], block[BLOCK - 1] = 0x80, <uint8_t>(bits >> 8), <uint8_t>bits
    compress(state, block)
    for i in range(8):
        found[4 * i], found[4 * i + 1] = <uint8_t>(state[i] >> 24), <uint8_t>(state[i] >> 16)
        found[4 * i + 2], found[4 * i + 3] = <uint8_t>(state[i] >> 8), <uint8_t>state[i]
    return 0


def digest(bytes key not None, bytes message not None):
    """For tests: HMAC-SHA-256. Raises ValueError beyond the limits."""
    cdef Hmac keyed
    cdef uint8_t[32] found
    hmac_key(&keyed, key, <uint32_t>len(key))
    hmac(&keyed, message, <uint32_t>len(message), found)
    return found[:DIGEST]
