# cython: boundscheck=True
"""SipHash-1-3: a keyed 64-bit hash whose collisions cannot be provoked without the key (Aumasson and Bernstein, 2012;
one round per word and three at the end, as in the hash tables of Python and Rust). Two texts that a peer chooses
without the key collide with probability 2**-64.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef struct Sip:
    uint64_t a, b, c, d


cdef inline uint64_t turned(uint64_t x, int by) noexcept nogil:  # arithmetic only
    return x << by | x >> (64 - by)


cdef inline int sip_round(Sip* s) noexcept nogil:  # arithmetic only
    s.a += s.b
    s.b = turned(s.b, 13) ^ s.a
    s.a = turned(s.a, 32)
    s.c += s.d
    s.d = turned(s.d, 16) ^ s.c
    s.a += s.d
    s.d = turned(s.d, 21) ^ s.a
    s.c += s.b
    s.b = turned(s.b, 17) ^ s.c
    s.c = turned(s.c, 32)
    return 0


cdef inline int sip_begin(Sip* s, uint64_t key0, uint64_t key1) noexcept nogil:  # arithmetic only
    s.a, s.b = key0 ^ <uint64_t>0x736F6D6570736575, key1 ^ <uint64_t>0x646F72616E646F6D
    s.c, s.d = key0 ^ <uint64_t>0x6C7967656E657261, key1 ^ <uint64_t>0x7465646279746573
    return 0


cdef inline int sip_word(Sip* s, uint64_t word) noexcept nogil:  # arithmetic only
    s.d ^= word
    sip_round(s)
    s.a ^= word
    return 0


cdef inline uint64_t sip_end(Sip* s) noexcept nogil:  # arithmetic only
    s.c ^= 0xFF
    sip_round(s)
    sip_round(s)
    sip_round(s)
    return s.a ^ s.b ^ s.c ^ s.d


# reads ``size`` bytes and no more
cdef inline uint64_t sip_bytes(const uint8_t* data, size_t size, uint64_t key0, uint64_t key1) noexcept nogil:
    """The hash of bytes, as in the reference implementation."""
    cdef Sip s
    cdef uint64_t word
    cdef size_t at = 0
    sip_begin(&s, key0, key1)
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        sip_word(&s, word)
        at += 8
    word = 0
    memcpy(&word, data + at, size - at)
    sip_word(&s, word | <uint64_t>size << 56)
    return sip_end(&s)
