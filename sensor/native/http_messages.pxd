# Events of HTTP heads.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sensor.core.row cimport Row
from sensor.native.http_head cimport Head, Value
from sensor.native.kept cimport HeldBytes, Stream

cdef struct Request:             # a request that waits for its response
    uint8_t[24] method
    uint32_t method_size
    HeldBytes target
    bint plain                 # its target may be reported unmasked

cdef bint absolute(const Head* head) noexcept nogil  # compares sizes first
cdef bint imitates(const Row* row, const Value* server) noexcept nogil  # the same
cdef int request_of(Stream* s, const Head* head, Request* request) except -1 nogil
cdef int write_request(Stream* s, const Head* head, int64_t length, const uint8_t* data, uint32_t size) except -1 nogil
cdef int write_response(
    Stream* s, const Head* head, int64_t length, const Request* request, bint proxy, bint switched,
    const uint8_t* data, uint32_t size
) except -1 nogil
cdef int write_unfinished(Stream* s) except -1 nogil
