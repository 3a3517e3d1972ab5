from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    MOST_WORDS = 32


cdef inline uint8_t lower(uint8_t c) noexcept nogil:  # arithmetic only
    return c | 32 if 65 <= c <= 90 else c


cdef inline bint same(const uint8_t* text, const char* word, uint32_t size) noexcept nogil:  # the caller compared sizes
    """Whether a text equals a lower-case word, ignoring case."""
    cdef uint32_t i
    for i in range(size):
        if lower(text[i]) != <uint8_t>word[i]:
            return False
    return True


cdef class Words:
    cdef readonly tuple texts
    cdef (const char*)[MOST_WORDS] starts
    cdef uint32_t[MOST_WORDS] sizes
    cdef uint8_t[MOST_WORDS] following   # the next text with the same first byte
    cdef uint8_t[256] first              # by byte in either case: the first text that begins with it

    cdef bint among(self, const uint8_t* data, Py_ssize_t size) noexcept nogil  # compares sizes first
    cdef bint begin(self, const uint8_t* data, Py_ssize_t size) noexcept nogil  # the same
