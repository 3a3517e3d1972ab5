# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native HTTP bodies (RFC 9112, 6 and 7): finds their end, and passes on the beginning of those that are parsed. The
rules are those of ``sensor.dissectors.shared.http_body``.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr

from sensor.core.words cimport Words, same
from sensor.dissectors.shared.http_body import DESCRIPTION_WORDS
from sensor.dissectors.shared.json_description import JSON_WORDS
from sensor.native.http_head cimport ENCODING, TRANSFER, TYPE, Head, Value, blank, holds, stripped
from sensor.native.kinds cimport (
    HTTP_DESCRIPTION_BODY_BODY, HTTP_DESCRIPTION_BODY_ENCODED, HTTP_DESCRIPTION_BODY_OWN, HTTP_DESCRIPTION_BODY_SLOTS,
    HTTP_PAGE_BODY_BODY,
    HTTP_PAGE_BODY_ENCODED, HTTP_PAGE_BODY_OWN, HTTP_PAGE_BODY_SLOTS, HTTP_PAGE_BODY_STATUS, HTTP_SENT_BODY_BODY,
    HTTP_SENT_BODY_ENCODED, HTTP_SENT_BODY_HEAD,
    HTTP_SENT_BODY_SLOTS, PUNTED_HTTP_DESCRIPTION_BODY, PUNTED_HTTP_PAGE_BODY, PUNTED_HTTP_SENT_BODY,
)
from sensor.native.kept cimport Stream, about, copied, discard, forget, keep, malformed
from sensor.native.out cimport Out, punted, put, reserve

cdef enum:
    KEPT_LIMIT = 32768
    CHUNK_LINE_LIMIT = 256
    CHUNK_DIGITS = 8
    TITLE_END = 8      # bytes of </title>
    JSON_LIMIT = 2048

cdef Words DESCRIPTIONS = DESCRIPTION_WORDS, OBJECTS = JSON_WORDS


cdef int begin_body(
    Stream* s, Body* body, const Head* head, int64_t length, const uint8_t* raw, uint32_t size
) except -1 nogil:
    """Start the body after a head whose bytes are ``raw``. ``length``: UNKNOWN if it is not given."""
    cdef const Value* coding = &head.fields[ENCODING]
    cdef Value kind = head.fields[TYPE]
    cdef bint bare = coding.size == 0 or (coding.size == 8 and same(coding.data, b"identity", 8)), known
    cdef const uint8_t* end = <const uint8_t*>memchr(kind.data, 59, kind.size) if kind.size else NULL
    if end != NULL:
        kind = stripped(kind.data, <uint32_t>(end - kind.data))
    body.left, body.chunk, body.sought, body.status, body.encoded = length, 0, 0, head.status, not bare
    body.framing = OPEN if length < 0 else SIZED
    if holds(head.fields[TRANSFER].data, head.fields[TRANSFER].size, b"chunked", 7):
        body.framing, body.left = CHUNKED, -1
    known = bare or (coding.size == 4 and same(coding.data, b"gzip", 4)) or (
        coding.size == 6
        and same(coding.data, b"x-gzip", 6)
    )
    known = known or (coding.size == 7 and same(coding.data, b"deflate", 7))
    body.reader = NO_READER
    if head.request:
        if known:
            body.reader = SENT
            body.head.size = 0
            keep(s, &body.head, raw, size)
    elif known:
        body.reader = reader_of(&kind)
        if bare and body.framing == SIZED and length <= JSON_LIMIT and kind.size == 16:
            if same(kind.data, b"application/json", 16):
                body.reader = DESCRIPTION
    return 0


cdef int reader_of(const Value* kind) except -1 nogil:
    """The reader of bodies of a media type."""
    if (
        (kind.size >= 9 and same(kind.data, b"text/html", 9))
        or (kind.size >= 17 and same(kind.data, b"application/xhtml", 17))
    ):
        return PAGE
    if (
        kind.size == 0
        or holds(kind.data, kind.size, b"xml", 3)
        or (kind.size == 10 and same(kind.data, b"text/plain", 10))
    ):
        return DESCRIPTION
    return DESCRIPTION if kind.size == 24 and same(kind.data, b"application/octet-stream", 24) else NO_READER


cdef int64_t take_body(Stream* s, Body* body, const uint8_t* data, uint32_t size) except -2 nogil:
    """Consume the body's bytes at the beginning of ``data``; returns their number, -1 if it is malformed, which is then
    reported.
    """
    cdef int64_t taken
    if body.framing == CHUNKED:
        taken = take_chunks(s, body, data, size)
        if taken < 0:
            return -1
    else:
        taken = size if body.left < 0 else min(body.left, <int64_t>size)
        gather(s, body, data, <uint32_t>taken)
        if body.left >= 0:
            body.left -= taken
            if body.left == 0:
                body.framing = NO_BODY
    if body.reader and (body.framing == NO_BODY or body.held.size >= KEPT_LIMIT or titled(body)):
        end_body(s, body, False)
    elif body.reader:
        body.packet = copied(s.memory, body.packet, s.row, s.frame)
    return taken


cdef int gather(Stream* s, Body* body, const uint8_t* data, uint32_t size) except -1 nogil:
    if body.reader and body.held.size < KEPT_LIMIT:
        keep(s, &body.held, data, min(size, KEPT_LIMIT - body.held.size))
    return 0


cdef int64_t take_chunks(Stream* s, Body* body, const uint8_t* data, uint32_t size) except -2 nogil:
    """Consume chunks (RFC 9112, 7.1); extensions and trailer fields are skipped."""
    cdef uint32_t at = 0, some, i
    cdef const uint8_t* end
    cdef int64_t value
    cdef Value line
    while at < size:
        if body.chunk > 0:
            some = <uint32_t>min(body.chunk, <int64_t>(size - at))
            gather(s, body, data + at, <uint32_t>max(min(<int64_t>some, body.chunk - 2), <int64_t>0))
            body.chunk -= some
            at += some
            continue
        end = <const uint8_t*>memchr(data + at, 10, min(size - at, <uint32_t>CHUNK_LINE_LIMIT))
        if end == NULL:
            if size - at >= CHUNK_LINE_LIMIT:
                malformed(s.out, b"no chunk size")
                return -1
            return at
        some = <uint32_t>(end - data)
        line = stripped(data + at, some - at)
        at = some + 1
        if body.chunk < 0:  # trailer fields, up to an empty line
            if line.size == 0:
                body.framing = NO_BODY
                return at
            continue
        end = <const uint8_t*>memchr(line.data, 59, line.size) if line.size else NULL
        if end != NULL:
            line = stripped(line.data, <uint32_t>(end - line.data))
        value = 0
        for i in range(min(line.size, <uint32_t>CHUNK_DIGITS + 1)):
            if not digit(line.data[i]) or i == CHUNK_DIGITS:
                line.size = 0
                break
            value = value << 4 | ((line.data[i] & 15) + (9 if line.data[i] > 57 else 0))
        if line.size == 0:
            malformed(s.out, b"no chunk size")
            return -1
        body.chunk = value + 2 if value else -1
    return at


cdef inline bint digit(uint8_t c) noexcept nogil:  # arithmetic only
    return 48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102


cdef bint titled(Body* body) noexcept nogil:  # reads only the kept bytes
    """Whether a page's title is complete: pages are long, and often not read to their end."""
    cdef uint32_t since = body.sought - TITLE_END if body.sought > TITLE_END else 0
    if body.encoded:
        return False
    body.sought = body.held.size
    return body.held.size > since and holds(body.held.data + since, body.held.size - since, b"</title>", TITLE_END)


cdef int missed_body(Stream* s, Body* body, int64_t missing) except -1 nogil:
    """Bytes are missing: parse those before the gap. Returns whether all missing bytes belong to this body, so that its
    end is still known.
    """
    cdef bint inside = body.framing == SIZED and 0 <= missing <= body.left
    end_body(s, body, True)
    if body.framing == SIZED:
        body.left = max(body.left - missing, <int64_t>0)
        if body.left == 0:
            body.framing = NO_BODY
    elif body.framing == CHUNKED:
        body.framing, body.left = OPEN, -1
    return inside


cdef int end_body(Stream* s, Body* body, bint earlier) except -1 nogil:
    """Pass on the bytes so far, once; ``earlier``: they came with an earlier packet than the current one."""
    cdef bint apart = earlier and body.reader and body.held.size and body.packet != NULL
    if apart:
        about(s.out, body.packet)
    if body.reader and body.held.size:
        punt_body(s.out, body)
    if apart:
        about(s.out, s.copy)
    body.reader = NO_READER
    return release_body(s, body)


cdef int punt_body(Out* out, Body* body) except -1 nogil:
    cdef uint64_t* fields
    cdef uint64_t begin
    if body.reader == DESCRIPTION and not body.encoded and not may_describe(body.held.data, body.held.size):
        return 0
    reserve(out)
    begin = put(out, body.held.data, body.held.size)
    if body.reader == SENT:
        fields = punted(out, PUNTED_HTTP_SENT_BODY, HTTP_SENT_BODY_SLOTS)
        fields[HTTP_SENT_BODY_HEAD], fields[HTTP_SENT_BODY_BODY] = put(out, body.head.data, body.head.size), begin
        fields[HTTP_SENT_BODY_ENCODED] = body.encoded
    elif body.reader == PAGE:
        fields = punted(out, PUNTED_HTTP_PAGE_BODY, HTTP_PAGE_BODY_SLOTS)
        fields[HTTP_PAGE_BODY_STATUS], fields[HTTP_PAGE_BODY_OWN] = body.status, body.own
        fields[HTTP_PAGE_BODY_ENCODED], fields[HTTP_PAGE_BODY_BODY] = body.encoded, begin
    else:
        fields = punted(out, PUNTED_HTTP_DESCRIPTION_BODY, HTTP_DESCRIPTION_BODY_SLOTS)
        fields[HTTP_DESCRIPTION_BODY_OWN] = body.own
        fields[HTTP_DESCRIPTION_BODY_ENCODED] = body.encoded
        fields[HTTP_DESCRIPTION_BODY_BODY] = begin
    return 0


cdef bint may_describe(const uint8_t* data, uint32_t size) noexcept nogil:  # compares sizes first
    """Whether a body contains a word of device descriptions, or a zero byte, as text in UTF-16 does."""
    if size and data[0] == 123:  # an opening brace
        return OBJECTS.among(data, size)
    return memchr(data, 0, size) != NULL or DESCRIPTIONS.among(data, size)


cdef int release_body(Stream* s, Body* body) except -1 nogil:
    """Free the memory of the body."""
    forget(s, &body.held)
    forget(s, &body.head)
    discard(s.memory, body.packet)
    body.packet = NULL
    return 0
