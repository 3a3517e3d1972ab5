# Hellos of TLS.
from libc.stdint cimport uint8_t, uint32_t

from sensor.native.out cimport Out

cdef enum:
    # What the functions return. HELLO_BROKEN: it is malformed, which the Python dissector finds as well.
    HELLO_GOOD = 0
    HELLO_BROKEN = 1
    HELLO_RETRY = 2        # the server asks for another one
    HELLO_NEWEST = 3       # the server chose TLS 1.3

cdef int write_client_hello(Out* out, const uint8_t* body, uint32_t size) except -1 nogil
cdef int write_server_hello(Out* out, const uint8_t* body, uint32_t size) except -1 nogil
