# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A constant set of short texts, all searched for in one pass over a message, ignoring the case of ASCII letters."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

cdef enum:
    NONE = 255


cdef class Words:
    """``texts``: at most 32, not empty, in lower case. Raises ValueError for others."""

    def __cinit__(self, *texts):
        cdef bytes text
        cdef uint8_t i
        if len(texts) > MOST_WORDS:
            raise ValueError(f"{len(texts)} words: at most {MOST_WORDS}")
        for text in texts:
            if not text or text != text.lower():
                raise ValueError(f"words: {text!r} must not be empty, and in lower case")
        self.texts = texts           # keeps the bytes alive
        memset(self.first, NONE, 256)
        for i, text in enumerate(texts):
            self.starts[i], self.sizes[i] = text, <uint32_t>len(text)
            self.following[i] = self.first[<int>ord(text[:1])]
            self.first[<int>ord(text[:1])] = self.first[<int>ord(text[:1].upper())] = i

    def any_in(self, bytes text not None):
        """Whether a text contains one of them."""
        return self.among(text, len(text))

    cdef bint among(self, const uint8_t* data, Py_ssize_t size) noexcept nogil:  # compares sizes first
        """Whether these bytes contain one of them."""
        cdef Py_ssize_t at
        cdef uint8_t i
        for at in range(size):
            i = self.first[data[at]]
            while i != NONE:
                if size - at >= self.sizes[i] and same(data + at, self.starts[i], self.sizes[i]):
                    return True
                i = self.following[i]
        return False

    cdef bint begin(self, const uint8_t* data, Py_ssize_t size) noexcept nogil:  # compares sizes first
        """Whether these bytes begin with one of them."""
        cdef uint8_t i = self.first[data[0]] if size else NONE
        while i != NONE:
            if size >= self.sizes[i] and same(data, self.starts[i], self.sizes[i]):
                return True
            i = self.following[i]
        return False
