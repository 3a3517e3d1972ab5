# Heads of HTTP messages: start line and the fields that dissectors use.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    LENGTH = 0             # these determine where a body ends and whether it is parsed; repeated fields are joined
    TRANSFER = 1
    ENCODING = 2
    TYPE = 3
    JOINED = 4
    UPGRADE = 4
    HOST = 5
    AGENT = 6
    SERVER = 7
    LOCATION = 8
    ACTION = 9
    COOKIE = 10
    CREDENTIALS = 11       # Authorization or Proxy-Authorization
    CHALLENGE = 12
    VIA = 13               # shows a proxy as well
    FIELDS = 14
    FORWARDED = 14         # any other field that shows a proxy
    PROXY_ERROR = 15       # the response is an error of a proxy, left to the Python dissector
    COOKIES = 16           # set by a server; those that identify it are left to the Python dissector
    NAMES_LIMIT = 24
    VALUE_LIMIT = 2048
    UNKNOWN = -1
    IMPOSSIBLE = -2
    # Results of parsing a head.
    HEAD_GOOD = 0
    HEAD_START = 1         # no start line
    HEAD_MANY = 2          # too many headers

cdef struct Value:
    const uint8_t* data
    uint32_t size
    bint there

cdef struct Head:
    bint request
    bint forwarded
    # left to the Python dissector: a field is folded, repeated or has unusual characters
    bint odd
    int status
    Value method
    Value target
    Value[14] fields
    int names              # number of the first field names, and hashes of them
    Value[24] name
    uint64_t[24] hashes
    uint8_t[4][2048] joined

cdef int read_head(const uint8_t* data, uint32_t size, Head* head) except -1 nogil
cdef bint is_request_line(const uint8_t* data, uint32_t size) noexcept nogil  # compares sizes first
cdef uint32_t last_line(const uint8_t* data, uint32_t size) noexcept nogil  # the same
cdef bint begins(const uint8_t* data, uint32_t size) noexcept nogil  # these compare sizes first
cdef int64_t head_end(const uint8_t* data, uint32_t size, uint32_t since, uint32_t* after) noexcept nogil  # the same
cdef int64_t length_of(const Value* value) noexcept nogil  # the same
cdef bint holds(const uint8_t* text, uint32_t size, const char* word, uint32_t length) noexcept nogil  # the same


cdef inline bint blank(uint8_t c) noexcept nogil:  # arithmetic only
    """Whether ``bytes.strip`` strips the character."""
    return c == 32 or 9 <= c <= 13


cdef inline Value stripped(const uint8_t* data, uint32_t size) noexcept nogil:  # moves inwards only
    cdef Value value
    while size and blank(data[size - 1]):
        size -= 1
    while size and blank(data[0]):
        data += 1
        size -= 1
    value.data, value.size, value.there = data, size, True
    return value
