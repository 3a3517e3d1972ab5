# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native ICMP for IPv4 and IPv6 (RFC 792, 950, 1256, 4443); ``sensor.dissectors.icmp`` is the reference and also reads
malformed messages, router advertisements, and payloads whose entropy is too close to a rounding boundary of hundredths.
"""

from libc.math cimport fabs, floor, log2
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from sensor.core.row cimport CUT, Row
from sensor.native.kinds cimport (
    ICMP_ECHO, ICMP_ECHO_CARRIES, ICMP_ECHO_CODE, ICMP_ECHO_DISORDER, ICMP_ECHO_ID, ICMP_ECHO_REPLY,
    ICMP_ECHO_SEQUENCE, ICMP_ECHO_SHOWN, ICMP_ECHO_SIZE, ICMP_ECHO_SLOTS,
    ICMP_ERROR, ICMP_ERROR_CLIENT, ICMP_ERROR_CODE, ICMP_ERROR_PORT, ICMP_ERROR_PROTO, ICMP_ERROR_SERVER,
    ICMP_ERROR_SLOTS, ICMP_ERROR_WHAT, ICMP_QUERY,
    ICMP_QUERY_REPLY, ICMP_QUERY_REPLY_SLOTS, ICMP_QUERY_REPLY_VALUE, ICMP_QUERY_REPLY_WHAT, ICMP_QUERY_SIZE,
    ICMP_QUERY_SLOTS, ICMP_QUERY_WHAT,
    ICMP_REDIRECT, ICMP_REDIRECT_DESTINATION, ICMP_REDIRECT_GATEWAY, ICMP_REDIRECT_SLOTS,
)
from sensor.native.out cimport PUNT, TAKEN, Out, message
from sensor.native.text cimport word
from sensor.native.unit cimport native

cdef enum:
    ICMP6 = 58
    TCP = 6
    UDP = 17
    HEADER = 8
    MEASURED = 512
    STAMP = 16
    LOOKED_AT = 128
    LEAST_SHOWN = 48
    SHORTEST_TEXT = 12
    # Types of version 4 (RFC 792).
    ECHO_REPLY = 0
    UNREACHABLE = 3
    QUENCH = 4
    REDIRECT = 5
    ECHO = 8
    ADVERTISEMENT = 9
    EXCEEDED = 11
    PROBLEM = 12
    TIMESTAMP = 13
    TIMESTAMP_REPLY = 14
    INFORMATION = 15
    INFORMATION_REPLY = 16
    MASK = 17
    MASK_REPLY = 18
    # Types of version 6 (RFC 4443, 4620).
    UNREACHABLE_6 = 1
    TOO_BIG_6 = 2
    EXCEEDED_6 = 3
    PROBLEM_6 = 4
    ECHO_6 = 128
    ECHO_REPLY_6 = 129
    NODE_6 = 139

cdef uint64_t V4 = <uint64_t>0xFFFF << 32
cdef double STEADY = 0.8
cdef double BORDER = 1e-6

# The packet that an error quotes; zeros if there is none.
cdef struct Quoted:
    uint64_t[2] client
    uint64_t[2] server
    uint32_t proto
    uint32_t port


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    if size < HEADER:
        return PUNT
    return version_6(payload, size, row, out) if row.proto == ICMP6 else version_4(payload, size, row, out)


cdef int version_4(const uint8_t* data, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef uint32_t kind = data[0], gateway
    cdef Quoted quoted
    cdef uint64_t* fields
    if kind == ECHO or kind == ECHO_REPLY:
        return echo(ICMP_ECHO if kind == ECHO else ICMP_ECHO_REPLY, data, size, row, out)
    if kind == TIMESTAMP or kind == INFORMATION or kind == MASK:
        return query(
            b"timestamp" if kind == TIMESTAMP else b"information" if kind == INFORMATION else b"mask", size, out
        )
    if kind == TIMESTAMP_REPLY or kind == INFORMATION_REPLY or kind == MASK_REPLY:
        fields = message(out, ICMP_QUERY_REPLY, ICMP_QUERY_REPLY_SLOTS)
        fields[ICMP_QUERY_REPLY_WHAT] = word(
            out, b"timestamp" if kind == TIMESTAMP_REPLY else b"information" if kind == INFORMATION_REPLY else b"mask"
        )
        fields[ICMP_QUERY_REPLY_VALUE] = u32(data + 8) if kind == MASK_REPLY and size >= 12 else 0
    elif kind == ADVERTISEMENT:
        return PUNT
    elif kind == REDIRECT:
        quote_4(data + HEADER, size - HEADER, &quoted)
        gateway = u32(data + 4)
        fields = message(out, ICMP_REDIRECT, ICMP_REDIRECT_SLOTS)
        fields[ICMP_REDIRECT_GATEWAY + 1] = V4 | gateway if gateway else 0
        fields[ICMP_REDIRECT_DESTINATION + 1] = quoted.server[1]
    elif kind == UNREACHABLE or kind == QUENCH or kind == EXCEEDED or kind == PROBLEM:
        quote_4(data + HEADER, size - HEADER, &quoted)
        error(
            b"unreachable" if kind == UNREACHABLE
            else b"quench" if kind == QUENCH
            else b"exceeded" if kind == EXCEEDED
            else b"problem",
            data[1], &quoted, out,
        )
    return TAKEN


cdef int version_6(const uint8_t* data, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef uint32_t kind = data[0]
    cdef Quoted quoted
    if kind == ECHO_6 or kind == ECHO_REPLY_6:
        return echo(ICMP_ECHO if kind == ECHO_6 else ICMP_ECHO_REPLY, data, size, row, out)
    if kind == NODE_6:
        return query(b"node", size, out)
    if UNREACHABLE_6 <= kind <= PROBLEM_6:
        quote_6(data + HEADER, size - HEADER, &quoted)
        error(
            b"unreachable" if kind == UNREACHABLE_6 else b"too_big" if kind == TOO_BIG_6
            else b"exceeded" if kind == EXCEEDED_6 else b"problem",
            data[1], &quoted, out,
        )
    return TAKEN


cdef int query(const char* what, uint32_t size, Out* out) except -1 nogil:
    """Write a query about the host."""
    cdef uint64_t* fields = message(out, ICMP_QUERY, ICMP_QUERY_SLOTS)
    fields[ICMP_QUERY_WHAT], fields[ICMP_QUERY_SIZE] = word(out, what), size
    return TAKEN


cdef int error(const char* what, uint32_t code, const Quoted* quoted, Out* out) except -1 nogil:
    """Write an error about a packet."""
    cdef uint64_t* fields = message(out, ICMP_ERROR, ICMP_ERROR_SLOTS)
    fields[ICMP_ERROR_WHAT], fields[ICMP_ERROR_CODE] = word(out, what), code
    fields[ICMP_ERROR_CLIENT], fields[ICMP_ERROR_CLIENT + 1] = quoted.client[0], quoted.client[1]
    fields[ICMP_ERROR_SERVER], fields[ICMP_ERROR_SERVER + 1] = quoted.server[0], quoted.server[1]
    fields[ICMP_ERROR_PROTO], fields[ICMP_ERROR_PORT] = quoted.proto, quoted.port
    return TAKEN


cdef int echo(uint16_t kind, const uint8_t* data, uint32_t size, const Row* row, Out* out) except -1 nogil:
    """Write an echo request or reply."""
    cdef double measure = disorder(data + HEADER, min(size - HEADER, <uint32_t>MEASURED))
    cdef uint64_t sent = size - HEADER
    cdef uint64_t* fields
    if row.problem & CUT and row.wirelen > row.caplen:
        sent += <uint64_t>(row.wirelen - row.caplen)
    if measure < 0:
        return PUNT
    fields = message(out, kind, ICMP_ECHO_SLOTS)
    fields[ICMP_ECHO_ID] = <uint32_t>data[4] << 8 | data[5]
    fields[ICMP_ECHO_SEQUENCE] = <uint32_t>data[6] << 8 | data[7]
    fields[ICMP_ECHO_SIZE], fields[ICMP_ECHO_SHOWN], fields[ICMP_ECHO_CODE] = sent, size - HEADER, data[1]
    memcpy(&fields[ICMP_ECHO_DISORDER], &measure, sizeof(double))
    fields[ICMP_ECHO_CARRIES] = word(out, carries(data + HEADER, size - HEADER, sent))
    return TAKEN


cdef const char* carries(const uint8_t* body, uint32_t size, uint64_t sent) except NULL nogil:
    """The kind of data in an echo; empty if there is none, or too little is captured."""
    cdef uint32_t begin = 0, at, texts = 0
    cdef bint unsteady = False
    if size < min(sent, <uint64_t>LEAST_SHOWN):
        return b""
    if size >= 20 and body[0] == 0x45 and (<uint32_t>body[2] << 8 | body[3]) == sent:
        return b"packet"
    if size >= 40 and body[0] >> 4 == 6 and (<uint32_t>body[4] << 8 | body[5]) + 40 == sent:
        return b"packet"
    size = min(size, <uint32_t>MEASURED)
    for at in range(size + 1):
        if at < size and 32 <= body[at] <= 126:
            continue
        if at - begin >= SHORTEST_TEXT:
            texts += at - begin
            unsteady |= steps(body + begin, at - begin) < STEADY
        begin = at + 1
    if size <= STAMP or steps(body + STAMP, min(size - STAMP, <uint32_t>LOOKED_AT)) >= STEADY:
        return b"text" if unsteady else b"pattern" if size else b""
    return b"text" if texts * 2 > size else b"data"


cdef double steps(const uint8_t* data, uint32_t size) except -1 nogil:
    """The share of bytes that equal the previous byte or its successor."""
    cdef uint32_t i, count = 0
    if size <= 1:
        return 1.0
    for i in range(1, size):
        count += <uint8_t>(data[i] - data[i - 1]) < 2
    return <double>count / <double>(size - 1)


cdef double disorder(const uint8_t* body, uint32_t size) noexcept nogil:  # arithmetic only
    """Entropy in bits per byte, in hundredths; -1 if it is so close to a rounding boundary that the order of summation
    would matter.
    """
    cdef uint32_t[256] counts
    cdef uint32_t i
    cdef double total = 0, share, scaled
    if size == 0:
        return 0.0
    for i in range(256):
        counts[i] = 0
    for i in range(size):
        counts[body[i]] += 1
    for i in range(256):
        if counts[i]:
            share = <double>counts[i] / <double>size
            total -= share * log2(share)
    scaled = total * 100
    if fabs(scaled - floor(scaled) - 0.5) < BORDER:
        return -1
    return floor(scaled + 0.5) / 100.0


cdef int quote_4(const uint8_t* inner, uint32_t size, Quoted* found) except -1 nogil:
    """The packet quoted by an ICMP error (RFC 792)."""
    cdef uint32_t head
    found.client[0] = found.client[1] = found.server[0] = found.server[1] = 0
    found.proto = found.port = 0
    if size < 20 or inner[0] >> 4 != 4:
        return 0
    head = (inner[0] & 15) * 4
    found.client[1], found.server[1], found.proto = V4 | u32(inner + 12), V4 | u32(inner + 16), inner[9]
    if (inner[9] == TCP or inner[9] == UDP) and size >= head + 4:
        found.port = <uint32_t>inner[head + 2] << 8 | inner[head + 3]
    return 0


cdef int quote_6(const uint8_t* inner, uint32_t size, Quoted* found) except -1 nogil:
    """The packet quoted by an ICMPv6 error (RFC 4443, 2.4), without extension headers."""
    found.client[0] = found.client[1] = found.server[0] = found.server[1] = 0
    found.proto = found.port = 0
    if size < 40 or inner[0] >> 4 != 6:
        return 0
    found.client[0], found.client[1] = u64(inner + 8), u64(inner + 16)
    found.server[0], found.server[1], found.proto = u64(inner + 24), u64(inner + 32), inner[6]
    if (inner[6] == TCP or inner[6] == UDP) and size >= 44:
        found.port = <uint32_t>inner[42] << 8 | inner[43]
    return 0


cdef inline uint32_t u32(const uint8_t* data) noexcept nogil:  # the caller checked that there are four bytes
    return <uint32_t>data[0] << 24 | <uint32_t>data[1] << 16 | <uint32_t>data[2] << 8 | data[3]


cdef inline uint64_t u64(const uint8_t* data) noexcept nogil:  # the caller checked that there are eight bytes
    return <uint64_t>u32(data) << 32 | u32(data + 4)


UNIT = native(dissect)
