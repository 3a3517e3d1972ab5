# Sections of rows as they are delivered: fixed heads, words of 64 bits, and text that spans in words refer to.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef enum:
    TEXT_MOST = 4096       # limit in bytes of one text
    SECTION_TEXT = 1 << 30

# Endpoints and time of a message: sensor.records.block.HEAD, field for field.
ctypedef packed struct Head:
    int64_t ts
    uint64_t flow
    uint64_t src_hi
    uint64_t src_lo
    uint64_t dst_hi
    uint64_t dst_lo
    uint64_t src_mac
    uint64_t dst_mac
    uint16_t sport
    uint16_t dport
    uint16_t vlan
    uint16_t source
    uint8_t proto
    uint8_t direction
    uint8_t[6] spare

# The head of a section: sensor.records.block.SECTION.
ctypedef packed struct Section:
    uint16_t kind
    uint16_t head      # bytes of a head
    uint16_t words     # per row
    uint16_t spare
    uint32_t rows
    uint32_t text      # bytes

cdef struct Bytes:
    uint8_t* data
    size_t used
    size_t room

cdef struct Buffer:
    Bytes heads
    Bytes words
    Bytes text
    uint32_t rows
    uint16_t head
    uint16_t width


cdef inline uint8_t* more(Bytes* some, size_t size) except NULL nogil:
    """Append room for ``size`` bytes, which are treated as used. Raises MemoryError if there is none."""
    cdef size_t room = some.room
    cdef uint8_t* larger
    if some.used + size > room:
        room = 2 * room + size + 256
        larger = <uint8_t*>realloc(some.data, room)
        if larger == NULL:
            with gil:
                raise MemoryError(f"{room} bytes for records")
        some.data, some.room = larger, room
    some.used += size
    return some.data + some.used - size


cdef inline uint64_t keep_text(Buffer* buffer, const uint8_t* raw, size_t size) except 0xFFFFFFFF nogil:
    """Copy a text; returns its span. Text longer than TEXT_MOST is truncated at a character boundary."""
    cdef uint32_t at = <uint32_t>buffer.text.used
    if size > TEXT_MOST:
        size = TEXT_MOST
        while size and raw[size] & 0xC0 == 0x80:
            size -= 1
    if size:
        memcpy(more(&buffer.text, size), raw, size)
    return <uint64_t>at << 32 | size


cdef inline int let_go(Buffer* buffer) except -1:
    free(buffer.heads.data)
    free(buffer.words.data)
    free(buffer.text.data)
    return 0


cdef inline size_t waiting(Buffer* buffer) noexcept:  # arithmetic only
    return buffer.heads.used + buffer.words.used + buffer.text.used


cdef inline int section(Bytes* out, uint16_t kind, Buffer* buffer) except -1:
    """Append the rows of a kind as a section and clear the buffer."""
    cdef Section* head
    if buffer.rows == 0:
        return 0
    head = <Section*>more(out, sizeof(Section))
    head.kind, head.head, head.words, head.spare = kind, buffer.head, buffer.width, 0
    head.rows, head.text = buffer.rows, <uint32_t>buffer.text.used
    if buffer.heads.used:
        memcpy(more(out, buffer.heads.used), buffer.heads.data, buffer.heads.used)
    if buffer.words.used:
        memcpy(more(out, buffer.words.used), buffer.words.data, buffer.words.used)
    if buffer.text.used:
        memcpy(more(out, buffer.text.used), buffer.text.data, buffer.text.used)
    buffer.heads.used = buffer.words.used = buffer.text.used = 0
    buffer.rows = 0
    return 0
