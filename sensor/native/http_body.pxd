# Bodies of HTTP messages.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sensor.native.http_head cimport Head
from sensor.native.kept cimport Copy, HeldBytes, Stream

cdef enum:
    # Body.framing
    NO_BODY = 0
    SIZED = 1
    CHUNKED = 2
    OPEN = 3           # without a length: up to the end of the connection
    # Body.reader
    NO_READER = 0
    SENT = 1           # the body of a request
    PAGE = 2
    DESCRIPTION = 3

cdef struct Body:
    int framing
    int reader
    bint encoded
    bint own
    int status
    int64_t left
    int64_t chunk      # bytes left in the chunk, its line end included; -1 after the last one
    uint32_t sought
    HeldBytes held
    HeldBytes head          # of the request
    Copy* packet       # the packet with its last bytes

cdef int begin_body(
    Stream* s, Body* body, const Head* head, int64_t length, const uint8_t* raw, uint32_t size
) except -1 nogil
cdef int64_t take_body(Stream* s, Body* body, const uint8_t* data, uint32_t size) except -2 nogil
cdef int missed_body(Stream* s, Body* body, int64_t missing) except -1 nogil
cdef int end_body(Stream* s, Body* body, bint earlier) except -1 nogil
cdef int release_body(Stream* s, Body* body) except -1 nogil
