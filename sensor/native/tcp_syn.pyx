# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native parsing of TCP headers without data (RFC 9293); ``sensor.dissectors.tcp_syn`` is the reference."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sensor.core.row cimport FIN, FOREIGN_RESET, RST, SYN, Row
from sensor.native.kinds cimport (
    FACT_TCP_HOPS, FACT_TCP_SYN,
    TCP_ODD_FLAGS, TCP_ODD_FLAGS_FLAGS, TCP_ODD_FLAGS_OPTIONS, TCP_ODD_FLAGS_SLOTS, TCP_ODD_FLAGS_WINDOW,
    TCP_SYN, TCP_SYN_BROKEN, TCP_SYN_MSS,
    TCP_SYN_OPTIONS, TCP_SYN_RESERVED, TCP_SYN_SCALE, TCP_SYN_SLOTS, TCP_SYN_STAMP, TCP_SYN_URGENT, TCP_SYN_WINDOW,
)
from sensor.native.out cimport PUNT, TAKEN, Out, fact, items, message, put, span
from sensor.native.text cimport character, decimal, word
from sensor.native.unit cimport native

cdef enum:
    HEADER = 20
    LONGEST = 60
    URGENT = 32
    END = 0
    NOP = 1
    MSS = 2
    SCALE = 3
    SACK = 4
    TIMESTAMPS = 8
    SIGNATURE = 19
    AUTHENTICATION = 29
    NEAR_HOPS = 2

# Values of the options; -1: not present.
cdef struct Options:
    uint64_t names
    int64_t mss
    int64_t scale
    int64_t stamp
    int64_t broken


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Options found
    cdef uint32_t window, hops, flags = row.tcp_flags
    cdef uint64_t* fields
    cdef bint reserved
    if not HEADER <= size <= LONGEST or (flags & RST and row.problem & FOREIGN_RESET):
        return PUNT
    options(payload, size, &found, out)
    window = <uint32_t>payload[14] << 8 | payload[15]
    if not flags & SYN or flags & (FIN | RST):
        fields = message(out, TCP_ODD_FLAGS, TCP_ODD_FLAGS_SLOTS)
        fields[TCP_ODD_FLAGS_FLAGS] = flags
        fields[TCP_ODD_FLAGS_WINDOW] = window
        fields[TCP_ODD_FLAGS_OPTIONS] = found.names
        return TAKEN
    reserved = payload[12] & 0x0E
    fields = message(out, TCP_SYN, TCP_SYN_SLOTS)
    fields[TCP_SYN_WINDOW], fields[TCP_SYN_OPTIONS], fields[TCP_SYN_MSS] = window, found.names, <uint64_t>found.mss
    fields[TCP_SYN_SCALE] = <uint64_t>found.scale
    fields[TCP_SYN_STAMP] = <uint64_t>found.stamp
    fields[TCP_SYN_BROKEN] = <uint64_t>found.broken
    fields[TCP_SYN_RESERVED], fields[TCP_SYN_URGENT] = reserved, flags & URGENT or payload[18] or payload[19]
    if found.broken < 0 and not reserved:
        fact(out, FACT_TCP_SYN, signature(&found, window, row.ttl, out))
        hops = first_ttl(row.ttl) - row.ttl
        if 0 < hops <= NEAR_HOPS:
            fact(out, FACT_TCP_HOPS, decimal(out, hops))
    return TAKEN


cdef int options(const uint8_t* header, uint32_t size, Options* found, Out* out) except -1 nogil:
    """Parse the options after the fixed header."""
    cdef uint64_t[LONGEST - HEADER] names
    cdef uint64_t* listed
    cdef uint32_t at = HEADER, count = 0, kind, length, i
    found.mss = found.scale = found.stamp = found.broken = -1
    while at < size:
        kind = header[at]
        names[count] = option(kind, out)
        count += 1
        if kind == END:
            break
        if kind == NOP:
            at += 1
            continue
        length = header[at + 1] if at + 1 < size else 0
        if length < <uint32_t>(4 if kind == AUTHENTICATION else 2) or not fitting(kind, length) or at + length > size:
            found.broken = kind
            break
        if kind == MSS and found.mss < 0:
            found.mss = <uint32_t>header[at + 2] << 8 | header[at + 3]
        elif kind == SCALE and found.scale < 0:
            found.scale = header[at + 2]
        elif kind == TIMESTAMPS and found.stamp < 0:
            found.stamp = (
                <uint32_t>header[at + 2] << 24
                | <uint32_t>header[at + 3] << 16
                | <uint32_t>header[at + 4] << 8
                | header[at + 5]
            )
        at += length
    found.names = span(out.slots_used, count)
    listed = items(out, count)
    for i in range(count):
        listed[i] = names[i]
    return 0


cdef bint fitting(uint32_t kind, uint32_t length) except -1 nogil:
    """Whether an option of fixed length has this length (RFC 9293 3.2, 7323, 2018, 2385)."""
    if kind == MSS:
        return length == 4
    if kind == SCALE:
        return length == 3
    if kind == SACK:
        return length == 2
    if kind == TIMESTAMPS:
        return length == 10
    return kind != SIGNATURE or length == 18


cdef uint64_t option(uint32_t kind, Out* out) noexcept nogil:  # room was reserved
    """The short name of an option, its number if it has none."""
    if kind == END:
        return word(out, b"eol")
    if kind == NOP:
        return word(out, b"nop")
    if kind == MSS:
        return word(out, b"mss")
    if kind == SCALE:
        return word(out, b"ws")
    if kind == SACK:
        return word(out, b"sok")
    if kind == 5:
        return word(out, b"sack")
    if kind == TIMESTAMPS:
        return word(out, b"ts")
    if kind == SIGNATURE:
        return word(out, b"md5")
    if kind == AUTHENTICATION:
        return word(out, b"ao")
    return word(out, b"tfo") if kind == 34 else decimal(out, kind)


# room was reserved
cdef uint64_t signature(const Options* found, uint32_t window, uint32_t ttl, Out* out) noexcept nogil:
    """Initial hop limit, window, MSS, scale and options of an operating system (``_signature`` of the reference)."""
    cdef uint32_t begin = out.text_used, i
    cdef uint64_t name
    decimal(out, first_ttl(ttl))
    character(out, 58)
    if found.mss > 0 and window and window % found.mss == 0:
        word(out, b"mss*")
        decimal(out, window // found.mss)
    else:
        decimal(out, window)
    number(found.mss, out)
    number(found.scale, out)
    character(out, 58)
    for i in range(<uint32_t>found.names):
        if i:
            character(out, 44)
        name = out.slots[(found.names >> 32) + i]
        put(out, out.text + (name >> 32), <uint32_t>name)
    return span(begin, out.text_used - begin)


# cannot fail
cdef uint32_t first_ttl(uint32_t ttl) noexcept nogil:
    """The initial TTL of an operating system."""
    return 32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255


cdef int number(int64_t value, Out* out) except -1 nogil:
    """Write a colon and a number, or a star for a missing one."""
    character(out, 58)
    if value < 0:
        return character(out, 42)
    decimal(out, value)
    return 0


UNIT = native(dissect)
