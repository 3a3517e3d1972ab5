# BER as used by SNMP (ITU-T X.690): see ``sensor.dissectors.shared.der``. Without recursion, so nesting depth does not
# matter.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sensor.native.out cimport PUNT, TAKEN, Out, fits, span
from sensor.native.text cimport character, decimal

cdef enum:
    INTEGER = 0x02
    OCTETS = 0x04
    OID = 0x06
    SEQUENCE = 0x30
    IP_ADDRESS = 0x40
    SUBIDS_LIMIT = 128

# An element: its tag, and the bytes of its value, which are within the message.
cdef struct Element:
    uint32_t tag
    uint32_t size
    const uint8_t* value

# A position between elements: the next one begins at ``data`` and ends before ``stop``.
cdef struct Elements:
    const uint8_t* data
    const uint8_t* stop


cdef inline int element(Elements* among, Element* found) noexcept nogil:  # checks its bounds itself
    """The next element; PUNT if there is no complete one, or its tag has more than one byte."""
    cdef size_t left = among.stop - among.data
    cdef uint64_t size
    cdef uint32_t width, i
    if left < 2:
        return PUNT
    found.tag, size = among.data[0], among.data[1]
    if found.tag & 31 == 31:
        return PUNT
    among.data += 2
    left -= 2
    if size >= 0x80:
        width = size & 0x7F
        if not 0 < width <= 4 or width > left:
            return PUNT
        size = 0
        for i in range(width):
            size = size << 8 | among.data[i]
        among.data += width
        left -= width
    if size > left:
        return PUNT
    found.value, found.size = among.data, <uint32_t>size
    among.data += size
    return TAKEN


cdef inline Elements inside(const Element* one) noexcept nogil:  # arithmetic only
    """The content of an element."""
    cdef Elements found
    found.data, found.stop = one.value, one.value + one.size
    return found


cdef inline int integer(Elements* among, int64_t* found) noexcept nogil:  # checks its bounds itself
    """The next element as an INTEGER of one to eight bytes."""
    cdef Element one
    cdef uint64_t value
    cdef uint32_t i
    if element(among, &one) == PUNT or one.tag != INTEGER or not 0 < one.size <= 8:
        return PUNT
    value = <uint64_t>-1 if one.value[0] & 0x80 else 0
    for i in range(one.size):
        value = value << 8 | one.value[i]
    found[0] = <int64_t>value
    return TAKEN


cdef inline int octets(Elements* among, Element* found) noexcept nogil:  # checks its bounds itself
    """The next element as an OCTET STRING."""
    return PUNT if element(among, found) == PUNT or found.tag != OCTETS else TAKEN


# checks its room itself
cdef inline int dotted(Out* out, const uint8_t* raw, uint32_t size, uint64_t* found) noexcept nogil:
    """An object identifier in dotted notation (X.690, 8.19). PUNT if it is invalid."""
    cdef uint32_t begin = out.text_used, i, parts = 0
    cdef uint64_t value = 0, root
    if size == 0 or raw[size - 1] >= 0x80 or not fits(out, 0, 4 * size + 8):
        return PUNT
    for i in range(size):
        value = value << 7 | (raw[i] & 0x7F)
        if value >> 32 or parts >= SUBIDS_LIMIT:
            return PUNT
        if raw[i] < 0x80:
            if parts:
                character(out, 46)
                decimal(out, value)
            else:
                root = min(value // 40, <uint64_t>2)
                decimal(out, root)
                character(out, 46)
                decimal(out, value - 40 * root)
            parts += 1
            value = 0
    found[0] = span(begin, out.text_used - begin)
    return TAKEN
