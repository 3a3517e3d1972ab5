# What heads of HTTP messages say.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sensor.native.http_head cimport Head
from sensor.native.stream cimport Kept, Stream

cdef struct Asked:             # a request that waits for its answer
    uint8_t[24] method
    uint32_t method_size
    Kept target
    bint plain                 # its target may be told as it is

cdef bint absolute(const Head* head) noexcept nogil  # compares sizes first
cdef int asked_of(Stream* s, const Head* head, Asked* asked) except -1 nogil
cdef int say_request(Stream* s, const Head* head, int64_t length, const uint8_t* data, uint32_t size) except -1 nogil
cdef int say_response(
    Stream* s, const Head* head, int64_t length, const Asked* asked, bint proxy, bint switched, const uint8_t* data, uint32_t size
) except -1 nogil
