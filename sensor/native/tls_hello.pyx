# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native TLS hellos (RFC 8446, 4.1), passed on to ``sensor.dissectors.shared.client_hello`` without the parts that
identify nothing: random bytes, session, keys, tickets, padding; every GREASE number (RFC 8701) is replaced by the same
one. Clients and servers of the same software thus give the same hello, which is parsed once.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from sensor.dissectors.shared.client_hello import READ, RETRY_RANDOM
from sensor.native.kinds cimport (
    PUNTED_TLS_CLIENT_HELLO_BODY, PUNTED_TLS_SERVER_HELLO_BODY, TLS_CLIENT_HELLO_BODY_BODY, TLS_CLIENT_HELLO_BODY_SLOTS,
    TLS_SERVER_HELLO_BODY_BODY, TLS_SERVER_HELLO_BODY_SLOTS,
)
from sensor.native.out cimport Out, punted, put, reserve, span
from sensor.native.read cimport Bytes, take, u8, u16

cdef enum:
    RANDOM = 32
    SESSION_AT = 34        # of a hello: its size
    EXTENSIONS_LIMIT = 128
    GROUPS = 10
    ALPN = 16
    VERSIONS = 43
    TLS_1_3 = 0x0304
    PLAIN_GREASE = 0x0A0A

cdef uint8_t[32] RETRY
memcpy(RETRY, <const uint8_t*><const char*>RETRY_RANDOM, RANDOM)
if READ != {0, GROUPS, 11, 13, ALPN, VERSIONS, 0xFE0D}:
    raise ValueError("extensions that are read have changed")


cdef inline bint read_of(uint32_t kind) noexcept nogil:  # arithmetic only
    """Whether the dissector reads this client extension."""
    return kind == 0 or kind == GROUPS or kind == 11 or kind == 13 or kind == ALPN or kind == VERSIONS or kind == 0xFE0D


cdef inline bint grease(uint32_t number) noexcept nogil:  # arithmetic only
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


cdef inline int add16(uint8_t* text, uint32_t* at, uint32_t number) noexcept nogil:  # the caller made room
    text[at[0]], text[at[0] + 1] = number >> 8 & 0xFF, number & 0xFF
    at[0] += 2
    return 0


cdef int write_client_hello(Out* out, const uint8_t* body, uint32_t size) except -1 nogil:
    cdef uint64_t found = 0
    cdef int result
    cdef uint64_t* fields
    reserve(out)
    result = stripped(out, body, size, &found)
    fields = punted(out, PUNTED_TLS_CLIENT_HELLO_BODY, TLS_CLIENT_HELLO_BODY_SLOTS)
    fields[TLS_CLIENT_HELLO_BODY_BODY] = found
    return result


cdef int stripped(Out* out, const uint8_t* body, uint32_t size, uint64_t* found) except -1 nogil:
    """Write a ClientHello without the parts that identify nothing, or unchanged if it is malformed."""
    cdef Bytes b
    cdef uint8_t* text = out.text + out.text_used
    cdef uint32_t at = 0, version, ciphers, i
    cdef bint good, named = False
    b.data, b.at, b.end, b.bad = body, 0, size, False
    version = u16(&b)
    take(&b, RANDOM)
    take(&b, u8(&b))
    ciphers = u16(&b)
    add16(text, &at, version)
    memset(text + at, 0, RANDOM + 1)
    at += RANDOM + 1
    add16(text, &at, ciphers)
    good = not b.bad and b.end - b.at >= ciphers
    if good:
        for i in range(ciphers >> 1):
            version = u16(&b)
            add16(text, &at, PLAIN_GREASE if grease(version) else version)
        if ciphers & 1:
            text[at] = u8(&b)
            at += 1
        take(&b, u8(&b))
        text[at] = 0
        at += 1
        good = not b.bad and client_extensions(&b, text, &at, &named)
    if not good:
        found[0] = put(out, body, size)
        return HELLO_BROKEN
    found[0] = span(out.text_used, at)
    out.text_used += at
    return HELLO_NAMED if named else HELLO_GOOD


cdef bint extension(Bytes* b, uint32_t* kind, const uint8_t** data, uint32_t* size) noexcept nogil:  # reads are checked
    """The next extension; False if it is malformed."""
    kind[0], size[0] = u16(b), u16(b)
    data[0] = take(b, size[0])
    return not b.bad


# reads are checked; writes at most as many bytes as were read
cdef bint client_extensions(Bytes* b, uint8_t* text, uint32_t* at, bint* named) noexcept nogil:
    """The client's extensions without those that are not read; False if they are malformed. ``named``: ALPN is one."""
    cdef uint32_t kind, size, count = 0, begin = at[0], i, number
    cdef const uint8_t* data
    if b.end - b.at < 2:
        return True
    size = u16(b)
    if b.end - b.at < size:
        return False
    b.end = b.at + size
    at[0] += 2
    while b.at < b.end:
        if count == EXTENSIONS_LIMIT or not extension(b, &kind, &data, &size):
            return False
        count += 1
        add16(text, at, PLAIN_GREASE if grease(kind) else kind)
        if kind == ALPN:
            named[0] = True
        if not read_of(kind):
            size = 0
        add16(text, at, size)
        memcpy(text + at[0], data, size)
        if kind == GROUPS or kind == VERSIONS:
            i = at[0] + (2 if kind == GROUPS else 1)
            while i + 2 <= at[0] + size:
                number = <uint32_t>text[i] << 8 | text[i + 1]
                if grease(number):
                    text[i] = text[i + 1] = 0x0A
                i += 2
        at[0] += size
    begin_size(text, begin, at[0])
    return True


cdef int copy_session(const uint8_t* body, uint32_t size, uint8_t* session) except -1 nogil:
    """Copy the session id of a hello with its size, at most SESSION_ROOM bytes; size 0 if it is longer."""
    cdef uint32_t length = body[SESSION_AT] if size > SESSION_AT else 0
    session[0] = 0
    if length < SESSION_ROOM and SESSION_AT + 1 + length <= size:
        session[0] = length
        memcpy(session + 1, body + SESSION_AT + 1, length)
    return 0


cdef int write_server_hello(Out* out, const uint8_t* body, uint32_t size, const uint8_t* offered) except -1 nogil:
    """``offered``: by the client, as copy_session writes it. A session id that repeats it becomes a single byte."""
    cdef Bytes b
    cdef uint8_t* text
    cdef uint8_t[33] session
    cdef const uint8_t* random
    cdef uint32_t at, version, cipher
    cdef uint64_t* fields
    cdef bint good, retry, repeats
    reserve(out)
    text, at = out.text + out.text_used, 0
    b.data, b.at, b.end, b.bad = body, 0, size, False
    version = u16(&b)
    random = take(&b, RANDOM)
    retry = random != NULL and memcmp(random, RETRY, RANDOM) == 0
    take(&b, u8(&b))
    copy_session(body, size, session)
    repeats = offered[0] and memcmp(session, offered, 1 + offered[0]) == 0
    cipher = u16(&b)
    u8(&b)
    add16(text, &at, version)
    memset(text + at, 0, RANDOM)
    at += RANDOM
    text[at], text[at + 1] = repeats, 1
    at += 1 + repeats
    add16(text, &at, cipher)
    text[at] = 0
    at += 1
    good = not b.bad and server_extensions(&b, text, &at, &version)
    if good and retry:
        return HELLO_RETRY
    fields = punted(out, PUNTED_TLS_SERVER_HELLO_BODY, TLS_SERVER_HELLO_BODY_SLOTS)
    if not good:
        fields[TLS_SERVER_HELLO_BODY_BODY] = put(out, body, size)
        return HELLO_BROKEN
    fields[TLS_SERVER_HELLO_BODY_BODY] = span(out.text_used, at)
    out.text_used += at
    return HELLO_NEWEST if version == TLS_1_3 else HELLO_GOOD


# as client_extensions
cdef bint server_extensions(Bytes* b, uint8_t* text, uint32_t* at, uint32_t* version) noexcept nogil:
    """The server's extensions likewise; ``version``: the version that the server chose."""
    cdef uint32_t kind, size, count = 0, begin = at[0]
    cdef const uint8_t* data
    cdef bint chosen = False
    if b.end - b.at < 2:
        return True
    size = u16(b)
    if b.end - b.at < size:
        return False
    b.end = b.at + size
    at[0] += 2
    while b.at < b.end:
        if count == EXTENSIONS_LIMIT or not extension(b, &kind, &data, &size):
            return False
        count += 1
        if kind == VERSIONS and not chosen:
            chosen = True
            if size == 2:
                version[0] = <uint32_t>data[0] << 8 | data[1]
        add16(text, at, kind)
        if kind != VERSIONS and kind != ALPN:
            size = 0
        add16(text, at, size)
        memcpy(text + at[0], data, size)
        at[0] += size
    begin_size(text, begin, at[0])
    return True


cdef inline int begin_size(uint8_t* text, uint32_t begin, uint32_t end) noexcept nogil:  # the caller made room
    """Write the length of the bytes that follow it."""
    return add16(text, &begin, end - begin - 2)
