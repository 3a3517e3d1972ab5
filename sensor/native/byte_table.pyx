# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A constant table from byte strings to numbers, with look-ups that do not need the GIL."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp


cdef class ByteTable:
    """Built from a dict of byte strings and non-negative numbers. Open addressing, at most half full."""

    def __cinit__(self, dict kept):
        cdef uint32_t room = 16, at
        cdef bytes text
        while room < 2 * len(kept):
            room *= 2
        self.kept, self.mask = dict(kept), room - 1  # the dict keeps the byte strings alive
        self.texts = <const uint8_t**>calloc(room, sizeof(void*))
        self.sizes, self.numbers = <uint32_t*>calloc(room, sizeof(uint32_t)), <int32_t*>calloc(room, sizeof(int32_t))
        if self.texts == NULL or self.sizes == NULL or self.numbers == NULL:
            raise MemoryError(f"{room} places")
        for text, number in self.kept.items():
            at = spread(text, <uint32_t>len(text)) & self.mask
            while self.texts[at] != NULL:
                at = (at + 1) & self.mask
            self.texts[at], self.sizes[at], self.numbers[at] = text, <uint32_t>len(text), number

    def __dealloc__(self):
        free(self.texts)
        free(self.sizes)
        free(self.numbers)

    def number(self, bytes text not None):
        """The number of a byte string, -1 if it is not in the table."""
        return self.find(text, <uint32_t>len(text))

    # reads ``size`` bytes and no more
    cdef int find(self, const uint8_t* text, uint32_t size) noexcept nogil:
        cdef uint32_t at = spread(text, size) & self.mask
        while self.texts[at] != NULL:
            if self.sizes[at] == size and not memcmp(self.texts[at], text, size):
                return self.numbers[at]
            at = (at + 1) & self.mask
        return -1


cdef uint32_t spread(const uint8_t* text, uint32_t size) noexcept nogil:  # the caller checked ``size``
    """A hash (FNV-1a)."""
    cdef uint32_t value = 2166136261, i
    for i in range(size):
        value = (value ^ text[i]) * <uint32_t>16777619
    return value ^ value >> 15
