# Hellos of TLS.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.native.out cimport Out

cdef enum:
    # Results of the functions. HELLO_BROKEN: it is malformed, which the Python dissector also reports.
    HELLO_GOOD = 0
    HELLO_BROKEN = 1
    HELLO_RETRY = 2        # the server requests another one
    HELLO_NEWEST = 3       # the server chose TLS 1.3
    HELLO_NAMED = 4        # the client names application protocols (ALPN)
    SESSION_ROOM = 33      # size and bytes of a session id (RFC 8446, 4.1.2)

cdef int write_client_hello(Out* out, const uint8_t* body, uint32_t size) except -1 nogil
# ``found``: a span of text; room for the hello was reserved
cdef int stripped(Out* out, const uint8_t* body, uint32_t size, uint64_t* found) except -1 nogil
# ``offered``: the session id of the ClientHello, with its size
cdef int write_server_hello(Out* out, const uint8_t* body, uint32_t size, const uint8_t* offered) except -1 nogil
cdef int copy_session(const uint8_t* body, uint32_t size, uint8_t* session) except -1 nogil
