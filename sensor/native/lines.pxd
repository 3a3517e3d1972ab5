# Text in lines. A piece of a message is always within its bounds.
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, strlen

from sensor.native.read cimport lower

# A piece of a message; ``data`` is NULL if there is none.
cdef struct Piece:
    const uint8_t* data
    uint32_t size


cdef inline Piece piece(const uint8_t* data, uint32_t size) noexcept nogil:  # copies two values
    cdef Piece one
    one.data, one.size = data, size
    return one


cdef inline bint is_blank(uint8_t c) noexcept nogil:  # arithmetic only
    """Whether ``bytes.strip`` strips the character."""
    return c == 32 or 9 <= c <= 13


cdef inline Piece stripped(Piece one) noexcept nogil:  # stays inside the piece
    """Without white space at both ends."""
    while one.size and is_blank(one.data[one.size - 1]):
        one.size -= 1
    while one.size and is_blank(one.data[0]):
        one.data += 1
        one.size -= 1
    return one


# stays inside the piece
cdef inline bint parted_at(Piece whole, uint8_t c, Piece* before, Piece* behind) noexcept nogil:
    """Split at the first ``c``: the pieces before and after it; all and nothing if it does not occur. Returns whether
    it occurs.
    """
    cdef const uint8_t* at = <const uint8_t*>memchr(whole.data, c, whole.size) if whole.size else NULL
    if at == NULL:
        before[0], behind[0] = whole, piece(whole.data, 0)
        return False
    behind[0] = piece(at + 1, <uint32_t>(whole.size - 1 - (at - whole.data)))
    before[0] = piece(whole.data, <uint32_t>(at - whole.data))
    return True


# stays inside the piece
cdef inline bint parted_last(Piece whole, uint8_t c, Piece* before, Piece* behind) noexcept nogil:
    """Split at the last ``c``; nothing and all if it does not occur."""
    cdef uint32_t at = whole.size
    while at and whole.data[at - 1] != c:
        at -= 1
    before[0], behind[0] = piece(whole.data, at - 1 if at else 0), piece(whole.data + at, whole.size - at)
    return at > 0


cdef inline bint begins(Piece one, const char* text) noexcept nogil:  # compares lengths first
    """Whether a piece begins with a constant word."""
    return one.size >= strlen(text) and not memcmp(one.data, text, strlen(text))


cdef inline bint begins_folded(Piece one, const char* text) noexcept nogil:  # compares lengths first
    """Whether a piece begins with a constant lower-case word, ignoring case."""
    cdef uint32_t i
    if one.size < strlen(text):
        return False
    for i in range(<uint32_t>strlen(text)):
        if lower(one.data[i]) != <uint8_t>text[i]:
            return False
    return True


cdef inline const uint8_t* found(Piece one, const char* text) noexcept nogil:  # stays inside the piece
    """The first occurrence of a constant word in a piece; NULL if it does not occur."""
    cdef uint32_t size = <uint32_t>strlen(text), at
    if one.size < size:
        return NULL
    for at in range(one.size - size + 1):
        if one.data[at] == <uint8_t>text[0] and not memcmp(one.data + at, text, size):
            return one.data + at
    return NULL


cdef inline bint is_number(Piece one) noexcept nogil:  # stays inside the piece
    """Whether a piece consists of digits."""
    cdef uint32_t i
    for i in range(one.size):
        if not 48 <= one.data[i] <= 57:
            return False
    return one.size > 0
