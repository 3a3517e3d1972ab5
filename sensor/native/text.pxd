# Texts that native dissectors write. Each function checks the room first, and returns PUNT if there is too little, or
# if a text is not plain ASCII: other characters are handled by ``clean`` of core/reader.py.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, strlen

from sensor.native.out cimport PUNT, TAKEN, Out, fits, put, span

cdef enum:
    TEXT_LIMIT = 1024

ctypedef const char* Word  # a constant word


# checks its room itself
cdef inline int cleaned(Out* out, const uint8_t* raw, uint32_t size, uint32_t limit, uint64_t* found) noexcept nogil:
    """The result of ``clean`` for ASCII: the first ``limit`` bytes without zeros, with spaces for control characters,
    trimmed.
    """
    cdef uint8_t* text = out.text + out.text_used
    cdef uint32_t i, used = 0, first = 0
    cdef uint8_t c
    if size > limit:
        size = limit
    if not fits(out, 0, size):
        return PUNT
    for i in range(size):
        c = raw[i]
        if c >= 128:
            return PUNT
        if c:
            text[used] = c if 32 <= c <= 126 else 32
            used += 1
    while used and text[used - 1] == 32:
        used -= 1
    while first < used and text[first] == 32:
        first += 1
    found[0] = span(out.text_used + first, used - first)
    out.text_used += used
    return TAKEN


cdef inline uint64_t word(Out* out, const char* text) noexcept nogil:  # room for constant words was reserved
    """Write a constant word."""
    return put(out, <const uint8_t*>text, <uint32_t>strlen(text))


cdef inline int character(Out* out, uint8_t c) noexcept nogil:  # room for short texts was reserved
    out.text[out.text_used] = c
    out.text_used += 1
    return 0


cdef inline uint64_t decimal(Out* out, uint64_t value) noexcept nogil:  # room for twenty digits was reserved
    """Write a number in decimal digits."""
    cdef uint8_t[20] digits
    cdef int at = 20
    while True:
        at -= 1
        digits[at] = <uint8_t>(48 + value % 10)
        value //= 10
        if not value:
            return put(out, &digits[at], 20 - at)


cdef inline uint64_t quad(Out* out, uint32_t address) noexcept nogil:  # room for fifteen characters was reserved
    """Write an IPv4 address in dotted-quad notation."""
    cdef uint32_t begin = out.text_used
    cdef int shift
    for shift in range(24, -8, -8):
        decimal(out, address >> shift & 255)
        if shift:
            character(out, 46)
    return span(begin, out.text_used - begin)


# the caller checked the room
cdef inline uint64_t hexadecimal(Out* out, const uint8_t* raw, uint32_t size, uint8_t between) noexcept nogil:
    """Write bytes in hexadecimal, with a separator unless ``between`` is 0."""
    cdef uint32_t begin = out.text_used, i
    for i in range(size):
        if i and between:
            character(out, between)
        character(out, digit(raw[i] >> 4))
        character(out, digit(raw[i] & 15))
    return span(begin, out.text_used - begin)


cdef inline uint8_t digit(uint8_t value) noexcept nogil:  # arithmetic only
    return 48 + value if value < 10 else 87 + value


# reads what the caller checked
cdef inline bint is_word(const uint8_t* raw, uint32_t size, const char* text) noexcept nogil:
    """Whether the bytes equal a constant word."""
    return size == strlen(text) and not memcmp(raw, text, size)
