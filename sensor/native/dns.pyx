# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native DNS over UDP (RFC 1035); ``sensor.dissectors.dns`` is the reference and also reads what is not read here:
messages that are truncated or malformed, names with characters other than printable ASCII.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.native.kinds cimport (
    DNS_QUERY, DNS_QUERY_ID, DNS_QUERY_NAME, DNS_QUERY_OPERATION, DNS_QUERY_RECURSION, DNS_QUERY_SLOTS, DNS_QUERY_TYPE,
    DNS_RESPONSE,
    DNS_RESPONSE_ANSWERS, DNS_RESPONSE_ID, DNS_RESPONSE_NAME, DNS_RESPONSE_RCODE, DNS_RESPONSE_SLOTS,
    DNS_RESPONSE_TRUNCATED,
    DNS_RESPONSE_TYPE, FACT_DNS_QUERY, FACT_DNS_ROLE, RECORD_ADDRESS, RECORD_DATA, RECORD_NAME, RECORD_PORT,
    RECORD_SIZE, RECORD_SLOTS,
    RECORD_TTL, RECORD_TYPE, RECORD_VALUE,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact, fits, items, mark, message, put, span, undo
from sensor.native.read cimport Bytes, lower, plain, take, u8, u16, u32
from sensor.native.unit cimport native

cdef enum:
    PORT = 53
    HEADER = 12
    NAME_LIMIT = 255
    POINTERS_LIMIT = 64
    RECORDS_LIMIT = 256
    TEXT_LIMIT = 1024
    RESPONSE = 0x8000
    TRUNCATED = 0x0200
    RECURSION = 0x0100
    A = 1
    NS = 2
    CNAME = 5
    PTR = 12
    MX = 15
    HINFO = 13
    TXT = 16
    AAAA = 28
    SRV = 33
    DNAME = 39
    HTTPS = 65
    OPERATIONS = 0b1010111  # opcodes 0, 1, 2, 4, 5, 6 are assigned; updates (5) are parsed in Python


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef Mark here = mark(out)
    cdef uint32_t id_, flags, questions, wanted, kind = 0
    cdef uint64_t name_ = 0, answers = 0
    cdef uint64_t* fields
    if size < HEADER:
        return PUNT
    b.data, b.at, b.end, b.bad = payload, 0, size, False
    id_, flags, questions, wanted = u16(&b), u16(&b), u16(&b), u16(&b)
    b.at = HEADER
    if not OPERATIONS >> (flags >> 11 & 15) & 1 or questions > RECORDS_LIMIT:
        return PUNT
    if first_question(&b, questions, out, &name_, &kind) == PUNT:
        return undo(out, &here)
    if flags & RESPONSE and records(&b, wanted, True, out, &answers) == PUNT:
        return undo(out, &here)
    if b.bad:
        return undo(out, &here)
    if flags & RESPONSE:
        fields = message(out, DNS_RESPONSE, DNS_RESPONSE_SLOTS)
        fields[DNS_RESPONSE_ID], fields[DNS_RESPONSE_NAME], fields[DNS_RESPONSE_TYPE] = id_, name_, kind
        fields[DNS_RESPONSE_RCODE] = flags & 15
        fields[DNS_RESPONSE_TRUNCATED] = flags & TRUNCATED
        fields[DNS_RESPONSE_ANSWERS] = answers
        if row.sport == PORT:
            fact(out, FACT_DNS_ROLE, put(out, <const uint8_t*>"dns_server", 10))
        return TAKEN
    fields = message(out, DNS_QUERY, DNS_QUERY_SLOTS)
    fields[DNS_QUERY_ID], fields[DNS_QUERY_NAME], fields[DNS_QUERY_TYPE] = id_, name_, kind
    fields[DNS_QUERY_OPERATION], fields[DNS_QUERY_RECURSION] = flags >> 11 & 15, flags & RECURSION
    if (
        <uint32_t>name_
        and (kind == A or kind == AAAA or kind == HTTPS)
        and flags & RECURSION
        and not flags >> 11 & 15
        and row.sport != PORT
    ):
        fact(out, FACT_DNS_QUERY, name_)
    return TAKEN


cdef int name(Bytes* b, bint fold, Out* out, uint64_t* found) except -1 nogil:
    """The name at ``b``, which moves to its end: a span of text. A pointer must lead to a position before the name that
    contains it.
    """
    cdef uint32_t at = b.at, start = b.at, size, k, target, used = 0, jumps = 0
    cdef uint8_t* text = out.text + out.text_used
    cdef uint8_t c
    if not fits(out, 0, NAME_LIMIT + 1):
        return PUNT
    while True:
        if at >= b.end:
            return PUNT
        size = b.data[at]
        at += 1
        if size == 0:
            if not jumps:
                b.at = at
            break
        if size >= 0xC0:
            if at >= b.end or jumps == POINTERS_LIMIT:
                return PUNT
            target = (size & 63) << 8 | b.data[at]
            if not jumps:
                b.at = at + 1
            if target >= start:
                return PUNT
            jumps += 1
            at = start = target
            continue
        if size >= 64 or b.end - at < size or at + size - start >= NAME_LIMIT or used + size + 1 > NAME_LIMIT:
            return PUNT
        if used:
            text[used] = 46
            used += 1
        for k in range(size):
            c = b.data[at + k]
            if not 33 <= c <= 126 and (c != 32 or k == 0 or k == size - 1):  # spaces at either end may be trimmed
                return PUNT
            text[used + k] = lower(c) if fold else c
        used += size
        at += size
    found[0] = span(out.text_used, used)
    out.text_used += used
    return TAKEN


cdef int first_question(
    Bytes* b, uint32_t questions, Out* out, uint64_t* found, uint32_t* kind
) except -1 nogil:
    """Parse the questions, for the name and the type of the first."""
    cdef uint32_t i, other
    cdef uint64_t ignored = 0
    for i in range(questions):
        if name(b, True, out, found if i == 0 else &ignored) == PUNT:
            return PUNT
        other = u16(b)
        if i == 0:
            kind[0] = other
        u16(b)
    return TAKEN


cdef int records(Bytes* b, uint64_t wanted, bint fold, Out* out, uint64_t* found) except -1 nogil:
    """``wanted`` records as a span of slots. ``fold``: unicast DNS, with TXT records parsed as well."""
    cdef uint32_t count = <uint32_t>min(wanted, <uint64_t>RECORDS_LIMIT), first = out.slots_used, i, kind, size, stop
    cdef uint64_t* one
    if not fits(out, count * RECORD_SLOTS, 0):
        return PUNT
    one = items(out, count * RECORD_SLOTS)
    for i in range(count):
        if name(b, fold, out, &one[RECORD_NAME]) == PUNT:
            return PUNT
        kind = u16(b)
        u16(b)
        one[RECORD_TYPE], one[RECORD_TTL] = kind, u32(b)
        size = u16(b)
        one[RECORD_SIZE] = size
        if b.bad or b.end - b.at < size:
            return PUNT
        stop = b.at + size
        if value(b, kind, size, fold, out, one) == PUNT:
            return PUNT
        b.at = stop
        one += RECORD_SLOTS
    found[0] = span(first, count)
    return TAKEN


cdef int value(Bytes* b, uint32_t kind, uint32_t size, bint fold, Out* out, uint64_t* one) except -1 nogil:
    """The data of a record: ``size`` bytes at ``b``, which are within the message."""
    cdef uint32_t stop = b.at + size
    if kind == A and size == 4:
        one[RECORD_ADDRESS + 1] = <uint64_t>0xFFFF << 32 | u32(b)
    elif kind == AAAA and size == 16:
        one[RECORD_ADDRESS] = <uint64_t>u32(b) << 32 | u32(b)
        one[RECORD_ADDRESS + 1] = <uint64_t>u32(b) << 32 | u32(b)
    elif kind == TXT:
        if size > TEXT_LIMIT or not fits(out, 0, 2 * size):
            return PUNT
        if fold and texts(b, stop, out, one) == PUNT:
            return PUNT
        one[RECORD_DATA] = put(out, b.data + (stop - size), size)
    elif kind == HINFO and not fold:
        return PUNT
    elif kind == NS or kind == CNAME or kind == PTR or kind == DNAME or kind == MX or kind == SRV:
        if kind == SRV:
            u32(b)
            one[RECORD_PORT] = u16(b)
        elif kind == MX:
            u16(b)
        if b.bad or name(b, fold, out, &one[RECORD_VALUE]) == PUNT or b.at > stop:
            return PUNT
    return TAKEN


cdef int texts(Bytes* b, uint32_t stop, Out* out, uint64_t* one) except -1 nogil:
    """The complete strings of a TXT record (RFC 1035, 3.3.14), joined by spaces."""
    cdef uint32_t begin = out.text_used, size
    cdef const uint8_t* text
    while b.at < stop:
        size = u8(b)
        if size > stop - b.at:
            break
        text = take(b, size)
        if size and text != NULL:
            if out.text_used > begin:
                put(out, <const uint8_t*>" ", 1)
            put(out, text, size)
    if not plain(out.text + begin, out.text_used - begin):
        return PUNT
    one[RECORD_VALUE] = span(begin, out.text_used - begin)
    return TAKEN


UNIT = native(dissect)
