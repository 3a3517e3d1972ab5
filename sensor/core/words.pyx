# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A constant set of short texts, all searched for in one pass over a message, ignoring the case of ASCII letters."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

cdef enum:
    WORDS_LIMIT = 32
    NONE = 255


cdef class Words:
    """``texts``: not empty, in lower case. Raises ValueError if there are too many, or one is empty or not in lower
    case.
    """

    cdef readonly tuple texts
    cdef (const uint8_t*)[32] starts
    cdef uint32_t[32] sizes
    cdef uint8_t[32] following       # the next text with the same first byte
    cdef uint8_t[256] first          # by byte in either case: the first text that begins with it

    def __cinit__(self, *texts):
        cdef bytes text
        cdef uint8_t i
        if len(texts) > WORDS_LIMIT or not all([text and text == text.lower() for text in texts]):
            raise ValueError(f"{len(texts)} words, which must be in lower case")
        self.texts = texts           # keeps the bytes alive
        memset(self.first, NONE, 256)
        for i, text in enumerate(texts):
            self.starts[i], self.sizes[i] = text, <uint32_t>len(text)
            self.following[i] = self.first[self.starts[i][0]]
            self.first[self.starts[i][0]] = self.first[<int>ord(text[:1].upper())] = i

    def any_in(self, bytes text not None):
        """Whether a text contains one of them."""
        cdef const uint8_t* data = text
        cdef Py_ssize_t at, size = len(text)
        cdef uint8_t i
        for at in range(size):
            i = self.first[data[at]]
            while i != NONE:
                if size - at >= self.sizes[i] and begins(data + at, self.starts[i], self.sizes[i]):
                    return True
                i = self.following[i]
        return False


cdef bint begins(const uint8_t* data, const uint8_t* text, uint32_t size) noexcept nogil:  # the caller compared sizes
    """Whether the bytes begin with a text in lower case."""
    cdef uint32_t i
    for i in range(1, size):
        if (data[i] | 32 if 65 <= data[i] <= 90 else data[i]) != text[i]:
            return False
    return True
