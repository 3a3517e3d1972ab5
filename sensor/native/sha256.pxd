# HMAC-SHA-256 (FIPS 180-4, RFC 2104) of short messages, for keys that are derived from public data.
from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    DIGEST = 32            # bytes
    MESSAGE_LIMIT = 55     # bytes that fit into one block with their padding

cdef struct Hmac:          # the states after the key
    uint32_t[8] inner
    uint32_t[8] outer

cdef int hmac_key(Hmac* found, const uint8_t* key, uint32_t size) except -1 nogil
cdef int hmac(const Hmac* key, const uint8_t* message, uint32_t size, uint8_t* found) except -1 nogil
