# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""AES-128 (FIPS 197) and AES-GCM (NIST SP 800-38D), without the GIL, for data whose keys are public."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    ROUNDS = 10

cdef struct Hash:             # the multiples of the hash key by four bits
    uint64_t[16] high
    uint64_t[16] low

cdef uint8_t[256] SUBSTITUTE
cdef uint32_t[256] MIX        # SubBytes and MixColumns of a byte in the first row
cdef uint64_t[16] REDUCE      # what the four bits that leave a product add to its other end


def _double(number):
    """A multiple of x in the field of AES (FIPS 197, 4.2.1)."""
    return number << 1 ^ (0x11B if number & 0x80 else 0)


def _fill():
    """Compute the tables."""
    powers, number = [], 1
    for _ in range(255):
        powers.append(number)
        number ^= _double(number)
    # The powers of 3 are all numbers but zero: the inverse of power n is power 255 - n.
    inverse = {0: 0} | {power: powers[-at % 255] for at, power in enumerate(powers)}
    for number in range(256):
        twice = inverse[number] * 0x101  # a shift of both is a rotation
        found = (twice ^ twice >> 4 ^ twice >> 5 ^ twice >> 6 ^ twice >> 7) & 0xFF ^ 0x63
        SUBSTITUTE[<int>number] = found
        MIX[<int>number] = _double(found) << 24 | found << 16 | found << 8 | _double(found) ^ found
    for number in range(16):
        found = 0
        for at in range(4):
            found ^= 0xE100 >> (3 - at) if number >> at & 1 else 0
        REDUCE[<int>number] = <uint64_t>found << 48


_fill()


cdef inline uint32_t turned(uint32_t word, int by) noexcept nogil:  # arithmetic only
    return word >> by | word << (32 - by)


cdef inline uint32_t word_at(const uint8_t* raw) noexcept nogil:  # reads four bytes
    return <uint32_t>raw[0] << 24 | <uint32_t>raw[1] << 16 | <uint32_t>raw[2] << 8 | raw[3]


cdef inline int put_word(uint8_t* to, uint32_t word) noexcept nogil:  # writes four bytes
    to[0], to[1], to[2], to[3] = <uint8_t>(word >> 24), <uint8_t>(word >> 16), <uint8_t>(word >> 8), <uint8_t>word
    return 0


cdef inline uint32_t substituted(uint32_t a, uint32_t b, uint32_t c, uint32_t d) noexcept nogil:  # arithmetic only
    """A column of SubBytes and ShiftRows (FIPS 197, 5.1.1 and 5.1.2) of four columns."""
    return (
        <uint32_t>SUBSTITUTE[a >> 24] << 24 | <uint32_t>SUBSTITUTE[b >> 16 & 0xFF] << 16
        | <uint32_t>SUBSTITUTE[c >> 8 & 0xFF] << 8 | SUBSTITUTE[d & 0xFF]
    )


cdef inline uint32_t mixed(uint32_t a, uint32_t b, uint32_t c, uint32_t d) noexcept nogil:  # arithmetic only
    """As ``substituted``, with MixColumns (5.1.3)."""
    return (
        MIX[a >> 24] ^ turned(MIX[b >> 16 & 0xFF], 8) ^ turned(MIX[c >> 8 & 0xFF], 16) ^ turned(MIX[d & 0xFF], 24)
    )


cdef int aes_key(Aes* found, const uint8_t* key) noexcept nogil:  # reads BLOCK bytes
    """FIPS 197, 5.2."""
    cdef uint32_t* w = found.rounds
    cdef uint32_t constant = 1, word
    cdef int i
    for i in range(4):
        w[i] = word_at(key + 4 * i)
    for i in range(4, 4 * ROUNDS + 4):
        word = w[i - 1]
        if i % 4 == 0:
            word = turned(word, 24)
            word = substituted(word, word, word, word) ^ constant << 24
            constant = constant << 1 ^ (0x11B if constant & 0x80 else 0)
        w[i] = w[i - 4] ^ word
    return 0


cdef int encrypt(const Aes* key, const uint8_t* block, uint8_t* found) noexcept nogil:  # reads and writes BLOCK bytes
    """FIPS 197, 5.1."""
    cdef const uint32_t* w = key.rounds
    cdef uint32_t a = word_at(block) ^ w[0], b = word_at(block + 4) ^ w[1]
    cdef uint32_t c = word_at(block + 8) ^ w[2], d = word_at(block + 12) ^ w[3]
    cdef int i
    for i in range(1, ROUNDS):
        w += 4
        a, b, c, d = (
            mixed(a, b, c, d) ^ w[0], mixed(b, c, d, a) ^ w[1], mixed(c, d, a, b) ^ w[2], mixed(d, a, b, c) ^ w[3]
        )
    put_word(found, substituted(a, b, c, d) ^ w[4])
    put_word(found + 4, substituted(b, c, d, a) ^ w[5])
    put_word(found + 8, substituted(c, d, a, b) ^ w[6])
    put_word(found + 12, substituted(d, a, b, c) ^ w[7])
    return 0


# reads ``known_size`` bytes, ``size`` and a tag; writes ``size`` bytes
cdef bint decrypt(
    const Aes* key, const uint8_t* nonce, const uint8_t* known, uint32_t known_size, const uint8_t* sealed,
    uint32_t size, uint8_t* plain
) noexcept nogil:
    """AES-GCM (SP 800-38D, 7.2); ``sealed``: followed by the tag, ``known``: authenticated as well. False if the tag
    is wrong: nothing is written then.
    """
    cdef uint8_t[16] counter
    cdef uint8_t[16] stream
    cdef uint8_t[16] tag
    cdef uint32_t number, at, i, differences = 0
    memcpy(counter, nonce, NONCE)
    put_word(counter + NONCE, 1)
    encrypt(key, counter, stream)
    authenticate(key, known, known_size, sealed, size, tag)
    for i in range(BLOCK):
        differences |= tag[i] ^ stream[i] ^ sealed[size + i]
    if differences:
        return False
    for number in range((size + BLOCK - 1) // BLOCK):
        at = number * BLOCK
        put_word(counter + NONCE, number + 2)
        encrypt(key, counter, stream)
        for i in range(min(size - at, <uint32_t>BLOCK)):
            plain[at + i] = sealed[at + i] ^ stream[i]
    return True


# reads ``known_size`` and ``size`` bytes, writes BLOCK bytes
cdef int authenticate(
    const Aes* key, const uint8_t* known, uint32_t known_size, const uint8_t* sealed, uint32_t size, uint8_t* tag
) noexcept nogil:
    """GHASH of the data and their sizes (SP 800-38D, 6.4)."""
    cdef uint8_t[16] lengths
    cdef Hash multiples
    memset(tag, 0, BLOCK)
    encrypt(key, tag, lengths)
    hash_key(&multiples, lengths)
    add(&multiples, known, known_size, tag)
    add(&multiples, sealed, size, tag)
    memset(lengths, 0, BLOCK)
    put_word(lengths + 4, known_size * 8)
    put_word(lengths + 12, size * 8)
    add(&multiples, lengths, BLOCK, tag)
    return 0


cdef int hash_key(Hash* found, const uint8_t* key) noexcept nogil:  # reads BLOCK bytes
    """The multiples of the key. In GCM the first bit is the lowest power of x: a shift to the right multiplies."""
    cdef uint64_t high = <uint64_t>word_at(key) << 32 | word_at(key + 4)
    cdef uint64_t low = <uint64_t>word_at(key + 8) << 32 | word_at(key + 12)
    cdef uint64_t out
    cdef int at = 8, i
    memset(found, 0, sizeof(Hash))
    while at:
        found.high[at], found.low[at] = high, low
        for i in range(1, 8 // at):  # sums with the larger ones
            found.high[at + 2 * at * i], found.low[at + 2 * at * i] = (
                high ^ found.high[2 * at * i], low ^ found.low[2 * at * i]
            )
        out = low & 1
        low, high = high << 63 | low >> 1, high >> 1 ^ (out * 0xE1) << 56
        at >>= 1
    return 0


cdef int add(const Hash* key, const uint8_t* data, uint32_t size, uint8_t* sum_) noexcept nogil:  # reads ``size`` bytes
    """Add data, filled up with zeros to whole blocks: sum = (sum + block) * key for each."""
    cdef uint64_t high, low
    cdef uint32_t at = 0, i, half, out
    cdef int shift
    while at < size:
        for i in range(min(size - at, <uint32_t>BLOCK)):
            sum_[i] ^= data[at + i]
        high = low = 0
        for i in range(BLOCK):
            for shift in range(0, 8, 4):
                half = sum_[BLOCK - 1 - i] >> shift & 15
                out = low & 15
                low, high = high << 60 | low >> 4, high >> 4 ^ REDUCE[out]
                low, high = low ^ key.low[half], high ^ key.high[half]
        put_word(sum_, <uint32_t>(high >> 32))
        put_word(sum_ + 4, <uint32_t>high)
        put_word(sum_ + 8, <uint32_t>(low >> 32))
        put_word(sum_ + 12, <uint32_t>low)
        at += BLOCK
    return 0


def encrypted(bytes key not None, bytes block not None):
    """For tests: one block. Raises ValueError if a size is wrong."""
    cdef Aes rounds
    cdef uint8_t[16] found
    if len(key) != BLOCK or len(block) != BLOCK:
        raise ValueError(f"{len(key)} and {len(block)} bytes, expected {BLOCK}")
    aes_key(&rounds, key)
    encrypt(&rounds, block, found)
    return found[:BLOCK]


def decrypted(bytes key not None, bytes nonce not None, bytes known not None, bytes sealed not None):
    """For tests: AES-GCM; None if the tag at the end is wrong. Raises ValueError if a size is wrong."""
    cdef Aes rounds
    cdef bytearray plain
    if len(key) != BLOCK or len(nonce) != NONCE or len(sealed) < BLOCK:
        sizes = f"{len(key)}, {len(nonce)} and {len(sealed)}"
        raise ValueError(f"{sizes} bytes, expected {BLOCK}, {NONCE} and at least {BLOCK}")
    aes_key(&rounds, key)
    plain = bytearray(len(sealed) - BLOCK)
    right = decrypt(&rounds, nonce, known, <uint32_t>len(known), sealed, <uint32_t>len(plain), plain)
    return bytes(plain) if right else None
