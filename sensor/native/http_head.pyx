# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native HTTP heads (RFC 9112, 2 to 5), with the rules of ``sensor.dissectors.shared.http_message``, the reference."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from sensor.core.words cimport Words, lower, same
from sensor.dissectors.shared.http_cookies import COOKIES as _KNOWN

cdef enum:
    HEADERS_LIMIT = 128
    METHOD_LIMIT = 24
    LENGTH_DIGITS = 15
    NAME_LIMIT = 64
    PLAIN = 0          # classes of characters in values: ordinary
    ODD = 1            # unusual
    MAYBE = 2          # unusual depending on the next characters

# First characters of what ``ODD`` of ``sensor.dissectors._http_shape`` matches; a superset.
cdef uint8_t[256] CHARACTERS
memset(CHARACTERS, PLAIN, 256)
for _c in bytearray(b"${}`|<>\\'\xac"):
    CHARACTERS[<int>_c] = ODD
for _c in bytearray(b".(jJrR"):
    CHARACTERS[<int>_c] = MAYBE


cdef Words KNOWN_COOKIES = Words(*(_name.lower().encode("ascii") for _name in _KNOWN))


cdef int read_head(const uint8_t* data, uint32_t size, Head* head) except -1 nogil:
    """Parse the head of a message, without the empty line; ``head`` points into ``data``."""
    cdef uint32_t at, stop, lines = 0
    cdef const uint8_t* end
    cdef int last = -1
    memset(head, 0, sizeof(Head) - sizeof(head.joined))
    for at in range(size):
        lines += data[at] == 10
    if lines > HEADERS_LIMIT:
        return HEAD_MANY
    end = <const uint8_t*>memchr(data, 10, size)
    stop = <uint32_t>(end - data) if end != NULL else size
    if not start_line(data, stop, head):
        return HEAD_START
    at = stop + 1
    while at < size:
        end = <const uint8_t*>memchr(data + at, 10, size - at)
        stop = <uint32_t>(end - data) if end != NULL else size
        last = field(data + at, stop - at, head, last)
        at = stop + 1
    return HEAD_GOOD


cdef bint start_line(const uint8_t* line, uint32_t size, Head* head) noexcept nogil:  # compares sizes first
    cdef uint32_t at = 0, i
    while size and blank(line[size - 1]):
        size -= 1
    if size >= 7 and memcmp(line, b"HTTP/1.", 7) == 0:
        if size < 12 or line[8] != 32 or (size > 12 and line[12] != 32):
            return False
        for i in range(9, 12):
            if not 48 <= line[i] <= 57:
                return False
            head.status = head.status * 10 + line[i] - 48
        return True
    while at < size and line[at] != 32:
        at += 1
    # At least one character between the two spaces, and "HTTP/1.1" after them.
    if (
        not 2 < at <= METHOD_LIMIT
        or size < at + 11
        or line[size - 9] != 32
        or memcmp(line + size - 8, b"HTTP/1.", 7)
        or line[size - 1] == 32
    ):
        return False
    if not 65 <= line[0] <= 90:
        return False
    for i in range(at):
        if not (65 <= line[i] <= 90 or 48 <= line[i] <= 57 or line[i] == 45 or line[i] == 95):
            return False
    head.request = True
    head.method.data, head.method.size, head.method.there = line, at, True
    head.target = stripped(line + at + 1, size - 9 - (at + 1))
    head.target.size = min(head.target.size, <uint32_t>VALUE_LIMIT)
    return True


cdef int field(const uint8_t* line, uint32_t size, Head* head, int last) except -2 nogil:
    """Parse one line of a head. Returns the number of its field, -1 for an unused one; ``last``: field of the line
    before it.
    """
    cdef const uint8_t* colon
    cdef Value value
    cdef int number
    if size == 0 or line[0] == 32 or line[0] == 9:
        head.odd = True
        if 0 <= last < JOINED:
            value = stripped(line, size)
            join(head, last, b" ", 1, &value)
        return last
    colon = <const uint8_t*>memchr(line, 58, size)
    if colon == NULL:
        return last
    value = stripped(colon + 1, size - <uint32_t>(colon - line) - 1)
    value.size = min(value.size, <uint32_t>VALUE_LIMIT)
    size = <uint32_t>(colon - line)
    number = number_of(line, size)
    if head.request:
        note(head, line, size)
        if number not in (HOST, LENGTH, CREDENTIALS, COOKIE) and strange(value.data, value.size):
            head.odd = True
    head.forwarded |= number == FORWARDED or number == VIA
    if number >= FIELDS:
        head.odd |= number == PROXY_ERROR or (number == COOKIES and KNOWN_COOKIES.begin(value.data, value.size))
    elif number >= 0 and head.fields[number].there:
        head.odd = True
        if number < JOINED:
            join(head, number, b", ", 2, &value)
    elif number >= 0:
        head.fields[number] = value
    return number


cdef int join(Head* head, int number, const char* between, uint32_t gap, const Value* more) except -1 nogil:
    """Append a value to a field."""
    cdef Value* value = &head.fields[number]
    cdef uint8_t* text = &head.joined[number][0]
    cdef uint32_t size
    if value.data != text:
        memcpy(text, value.data, value.size)
        value.data = text
    size = min(gap, VALUE_LIMIT - value.size)
    memcpy(text + value.size, between, size)
    value.size += size
    size = min(more.size, VALUE_LIMIT - value.size)
    memcpy(text + value.size, more.data, size)
    value.size += size
    return 0


cdef int note(Head* head, const uint8_t* name, uint32_t size) except -1 nogil:
    """Record the name of a request's field. A repeated name, or one that is not a plain word, makes the head
    unusual.
    """
    cdef uint64_t hashed = size
    cdef uint32_t i
    cdef int j
    if head.odd:
        return 0
    if head.names == NAMES_LIMIT or size == 0 or size > NAME_LIMIT:
        head.odd = True
        return 0
    for i in range(size):
        if not 33 <= name[i] <= 126:
            head.odd = True
            return 0
        hashed = (hashed ^ lower(name[i])) * <uint64_t>0x100000001B3
    for j in range(head.names):
        if head.hashes[j] == hashed:
            head.odd = True
            return 0
    head.name[head.names].data, head.name[head.names].size, head.hashes[head.names] = name, size, hashed
    head.names += 1
    return 0


cdef bint strange(const uint8_t* text, uint32_t size) noexcept nogil:  # compares sizes first
    """Whether a value may contain unusual characters."""
    cdef uint32_t i
    cdef uint8_t c, kind
    for i in range(size):
        c = text[i]
        kind = CHARACTERS[c]
        if kind == PLAIN:
            continue
        if kind == ODD:
            return True
        if c == 46:
            if i + 2 < size and text[i + 1] == 46 and text[i + 2] == 47:
                return True
        elif c == 40:
            if i + 1 < size and text[i + 1] == 41:
                return True
        elif i + 4 < size and (same(text + i, b"jndi:", 5) or same(text + i, b"ro0ab", 5)):
            return True
    return False


cdef int number_of(const uint8_t* name, uint32_t size) except -2 nogil:
    """The number of a field by its name."""
    if size == 3:
        return VIA if same(name, b"via", 3) else -1
    if size == 4:
        return HOST if same(name, b"host", 4) else -1
    if size == 6:
        return SERVER if same(name, b"server", 6) else COOKIE if same(name, b"cookie", 6) else -1
    if size == 7:
        return UPGRADE if same(name, b"upgrade", 7) else FORWARDED if same(name, b"x-cache", 7) else -1
    if size == 8:
        return LOCATION if same(name, b"location", 8) else -1
    if size == 9:
        return FORWARDED if same(name, b"forwarded", 9) else -1
    if size == 10:
        if same(name, b"user-agent", 10):
            return AGENT
        if same(name, b"set-cookie", 10):
            return COOKIES
        return ACTION if same(name, b"soapaction", 10) else FORWARDED if same(name, b"x-proxy-id", 10) else -1
    if size == 12:
        return TYPE if same(name, b"content-type", 12) else FORWARDED if same(name, b"cache-status", 12) else -1
    if size == 13:
        return CREDENTIALS if same(
            name, b"authorization", 13
        ) else PROXY_ERROR if same(name, b"x-squid-error", 13) else -1
    if size == 14:
        return LENGTH if same(name, b"content-length", 14) else -1
    if size == 15:
        return FORWARDED if same(name, b"x-forwarded-for", 15) else -1
    if size == 16:
        if same(name, b"content-encoding", 16):
            return ENCODING
        return CHALLENGE if same(
            name, b"www-authenticate", 16
        ) else FORWARDED if same(name, b"x-forwarded-host", 16) else -1
    if size == 17:
        return TRANSFER if same(name, b"transfer-encoding", 17) else -1
    if size == 18:
        return CHALLENGE if same(name, b"proxy-authenticate", 18) else -1
    if size == 19:
        return CREDENTIALS if same(name, b"proxy-authorization", 19) else -1
    if size == 20:
        return FORWARDED if same(name, b"surrogate-capability", 20) else -1
    return -1


cdef int64_t length_of(const Value* value) noexcept nogil:  # compares sizes first
    """Content-Length in bytes; UNKNOWN if it is absent or empty, IMPOSSIBLE if it is no number, or more than one."""
    cdef const uint8_t* text = value.data
    cdef uint32_t i = 0, digits, wide = 0
    cdef int64_t first = UNKNOWN, one
    if value.size == 0:
        return UNKNOWN
    while True:
        one, digits = 0, 0
        while i < value.size and blank(text[i]):
            i += 1
        while i < value.size and 48 <= text[i] <= 57:
            digits += 1
            if digits > LENGTH_DIGITS:
                return IMPOSSIBLE
            one = one * 10 + text[i] - 48
            i += 1
        while i < value.size and blank(text[i]):
            i += 1
        if digits == 0:
            return IMPOSSIBLE
        if first == UNKNOWN:
            first, wide = one, digits
        elif first != one or wide != digits:
            return IMPOSSIBLE
        if i == value.size:
            return first
        if text[i] != 44:
            return IMPOSSIBLE
        i += 1


cdef bint begins(const uint8_t* data, uint32_t size) noexcept nogil:  # compares sizes first
    """Whether a message begins with these bytes."""
    cdef const uint8_t* end = <const uint8_t*>memchr(data, 10, size) if size else NULL
    if end != NULL:
        size = <uint32_t>(end - data)
    while size and blank(data[size - 1]):
        size -= 1
    if size >= 7 and memcmp(data, b"HTTP/1.", 7) == 0:
        return True
    return size >= 8 and 65 <= (data[0] & 0xDF) <= 90 and memcmp(data + size - 8, b"HTTP/1.", 7) == 0


cdef bint is_request_line(const uint8_t* data, uint32_t size) noexcept nogil:  # compares sizes first
    """Whether the bytes may be a request line without its end."""
    cdef uint32_t at = 0
    while at < size and at < 11 and 65 <= data[at] <= 90:
        at += 1
    if not 3 <= at <= 10 or at + 1 >= size or data[at] != 32:
        return False
    if memchr(data, 10, size) != NULL:
        return False
    return data[at + 1] == 47 or (at + 5 <= size and memcmp(data + at + 1, b"http", 4) == 0)


cdef uint32_t last_line(const uint8_t* data, uint32_t size) noexcept nogil:  # compares sizes first
    """The size of a truncated request line without the incomplete version at its end."""
    cdef uint32_t at = size
    while at and data[at - 1] != 32:
        at -= 1
    if at == 0 or size - at > 9 or memcmp(data + at, b"HTTP/1.", min(size - at, <uint32_t>7)):
        return size
    return at - 1 if memchr(data, 32, at - 1) != NULL else size


# compares sizes first
cdef int64_t head_end(const uint8_t* data, uint32_t size, uint32_t since, uint32_t* after) noexcept nogil:
    """The start of the first empty line at or after ``since``, including the end of the line before it, and its end in
    ``after``; -1 if there is none.
    """
    cdef const uint8_t* found
    cdef uint32_t at = since, i
    while at < size:
        found = <const uint8_t*>memchr(data + at, 10, size - at)
        if found == NULL:
            return -1
        i = <uint32_t>(found - data)
        if i + 1 < size and data[i + 1] == 10:
            after[0] = i + 2
        elif i + 2 < size and data[i + 1] == 13 and data[i + 2] == 10:
            after[0] = i + 3
        else:
            at = i + 1
            continue
        return <int64_t>i - 1 if i > since and data[i - 1] == 13 else i
    return -1


# compares sizes first
cdef bint holds(const uint8_t* text, uint32_t size, const char* word, uint32_t length) noexcept nogil:
    """Whether a text contains a lower-case word, ignoring case."""
    cdef uint32_t i
    for i in range(length, size + 1):
        if same(text + (i - length), word, length):
            return True
    return False
