# Bounds-checked reads of a message by native dissectors. A read beyond the end sets ``bad`` and returns 0, so that a
# dissector can check once, at the end.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.words cimport lower

cdef struct Bytes:
    const uint8_t* data
    uint32_t at
    uint32_t end
    bint bad


cdef inline uint32_t u8(Bytes* b) noexcept nogil:  # checks its bounds itself
    if b.at >= b.end:
        b.bad = True
        return 0
    b.at += 1
    return b.data[b.at - 1]


cdef inline uint32_t u16(Bytes* b) noexcept nogil:  # checks its bounds itself
    if b.end - b.at < 2:
        b.bad, b.at = True, b.end
        return 0
    b.at += 2
    return <uint32_t>b.data[b.at - 2] << 8 | b.data[b.at - 1]


cdef inline uint32_t u32(Bytes* b) noexcept nogil:  # checks its bounds itself
    cdef uint32_t high = u16(b)
    return high << 16 | u16(b)


cdef inline const uint8_t* take(Bytes* b, uint32_t size) noexcept nogil:  # checks its bounds itself
    """The next bytes; NULL if there are fewer."""
    if b.end - b.at < size:
        b.bad, b.at = True, b.end
        return NULL
    b.at += size
    return b.data + (b.at - size)


cdef inline bint plain(const uint8_t* text, uint32_t size) noexcept nogil:  # reads what the caller checked
    """Whether ``clean`` (core/reader.py) leaves a text unchanged: printable ASCII without spaces at its ends, not too
    long.
    """
    cdef uint32_t i
    if size == 0:
        return True
    if size > 1024 or text[0] == 32 or text[size - 1] == 32:
        return False
    for i in range(size):
        if not 32 <= text[i] <= 126:
            return False
    return True
