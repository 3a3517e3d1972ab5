# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The header fields of an HTTP message that determine its body, found in one pass over the head (RFC 9112, 5). The last
of repeated fields counts.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from sensor.core.words cimport same

cdef enum:
    LENGTH = 14            # bytes of the names
    TRANSFER = 17
    ENCODING = 16
    TYPE = 12
    DISPOSITION = 19
    LINE_FEED = 10



cdef class Fields:
    """The values of the fields, without white space before them; None if a field is absent."""


cdef Fields fields_of(bytes head):
    """``head``: the start line and the header fields."""
    cdef Fields found = Fields.__new__(Fields)
    cdef const uint8_t* data = <const uint8_t*><const char*>head
    cdef const uint8_t* end
    cdef size_t at = 0, size = len(head)
    while at < size:
        end = <const uint8_t*>memchr(data + at, LINE_FEED, size - at)
        if end == NULL:
            break
        at = <size_t>(end - data) + 1
        if at < size:
            read(found, data + at, size - at)
    return found


cdef int read(Fields found, const uint8_t* line, size_t size) except -1:
    """Read a field, if it is one of those that are wanted. ``size``: of the line and all that follows."""
    cdef uint8_t first = line[0] | 0x20  # lower case
    if first == b"t" and named(line, size, b"transfer-encoding", TRANSFER):
        found.transfer = value(line + TRANSFER + 1, size - TRANSFER - 1)
    elif first != b"c":
        return 0
    elif named(line, size, b"content-length", LENGTH):
        found.length = value(line + LENGTH + 1, size - LENGTH - 1)
    elif named(line, size, b"content-type", TYPE):
        found.type = value(line + TYPE + 1, size - TYPE - 1)
    elif named(line, size, b"content-encoding", ENCODING):
        found.encoding = value(line + ENCODING + 1, size - ENCODING - 1)
    elif named(line, size, b"content-disposition", DISPOSITION):
        found.disposition = value(line + DISPOSITION + 1, size - DISPOSITION - 1)
    return 0


cdef inline bint named(const uint8_t* line, size_t size, const char* name, uint32_t length) noexcept:  # compares sizes
    """Whether a line begins with this name and a colon."""
    return size > length and line[length] == b":" and same(line, name, length)


cdef bytes value(const uint8_t* text, size_t size):
    """The rest of the line, without leading spaces and tabs."""
    cdef size_t at = 0, end
    while at < size and (text[at] == b" " or text[at] == b"\t"):
        at += 1
    end = at
    while end < size and text[end] != b"\r" and text[end] != LINE_FEED:
        end += 1
    return (<const char*>text)[at:end]


def wanted(bytes head not None):
    """The fields as a tuple: length, transfer encoding, content encoding, type, disposition."""
    cdef Fields found = fields_of(head)
    return found.length, found.transfer, found.encoding, found.type, found.disposition
