# Seals of credentials (sensor.dissectors.shared.seal): BLAKE2b (RFC 7693, 3.2) of one block, with a digest of 8 bytes
# and a salt.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.native.out cimport Out

cdef int seal(
    Out* out, const uint8_t* user, uint32_t user_size, const uint8_t* password, uint32_t size, uint64_t* found
) except -1 nogil
