# AES-128 (FIPS 197), and its Galois/Counter Mode (NIST SP 800-38D), for data whose keys are public. Tables are indexed
# by data: not for secrets, which the time of an encryption would disclose.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    BLOCK = 16             # bytes, of keys and authentication tags as well
    NONCE = 12

cdef struct Aes:
    uint32_t[44] rounds    # keys of the rounds

cdef int aes_key(Aes* found, const uint8_t* key) noexcept nogil  # reads BLOCK bytes
cdef int encrypt(const Aes* key, const uint8_t* block, uint8_t* found) noexcept nogil  # reads and writes BLOCK bytes
# reads ``known_size`` bytes, ``size`` and a tag; writes ``size`` bytes
cdef bint decrypt(
    const Aes* key, const uint8_t* nonce, const uint8_t* known, uint32_t known_size, const uint8_t* sealed,
    uint32_t size, uint8_t* plain
) noexcept nogil
