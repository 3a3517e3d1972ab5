# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Traces of connections: the kinds of packets each side sent, in order of their first occurrence (Zeek's history), the
number of bytes by sequence numbers (RFC 9293, 3.4), and the number missing from the capture.

Letters as in Zeek's conn.log: S SYN, H SYN and ACK, A ACK alone, D data, F FIN, R RST, G content gap; lower case for
the server; each occurs once.
"""

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from sensor.core.row cimport ACK, FIN, RST, SYN, Row
from sensor.decode.flows cimport FURTHEST

cdef enum:
    TCP = 6
    UDP = 17
    ICMP_HEADER = 8
    SCTP = 132
    HEADER = 2               # Row.begins: the payload is the TCP header
    KINDS = 7
    KNOWN = 14               # bits of ``seen`` from this one on: ``due`` is known, per direction

# Codes of the client's letters; the server's follow.
cdef enum:
    OPENS = 0
    ANSWERS = 1
    ACKNOWLEDGES = 2
    DATA = 3
    ENDS = 4
    RESETS = 5
    GAP = 6

LETTERS = "SHADFRGshadfrg"
"""By code, starting at 1."""


cdef int follow(Trace* trace, const Row* row) except -1 nogil:
    """Process one packet of the connection; the first packet of another one resets the trace."""
    cdef int way = 1 if row.direction else 0
    cdef int flags = row.tcp_flags
    cdef uint32_t size = row.payload_len if row.begins != HEADER or row.proto != TCP else 0
    if trace.flow != row.flow:
        memset(trace, 0, sizeof(Trace))
        trace.flow = row.flow
    if is_icmp(row):  # like Zeek, without the header (RFC 792, RFC 4443)
        size -= min(size, <uint32_t>ICMP_HEADER)
    if row.proto != TCP:
        trace.bytes[way] += size
        if size and (row.proto == UDP or row.proto == SCTP):
            letter(trace, way, DATA)
        return 0
    if flags & SYN:
        letter(trace, way, ANSWERS if flags & ACK else OPENS)
    if size or flags & (SYN | FIN):
        advance(trace, way, row.seq + (1 if flags & SYN else 0), size)
    if size:
        letter(trace, way, DATA)
    elif flags & (SYN | FIN | RST | ACK) == ACK:
        letter(trace, way, ACKNOWLEDGES)
    if flags & FIN:
        letter(trace, way, ENDS)
    if flags & RST:
        letter(trace, way, RESETS)
    return 0


cdef inline int letter(Trace* trace, int way, int kind) except -1 nogil:
    """Record the first occurrence of a letter."""
    cdef int place = kind + KINDS * way
    if not trace.seen & 1 << place:
        trace.seen |= <uint16_t>(1 << place)
        trace.letters = trace.letters << 4 | <uint64_t>(place + 1)
    return 0


cdef inline int advance(Trace* trace, int way, uint32_t begin, uint32_t size) except -1 nogil:
    """Bytes of one direction. Late data that belongs to the last gap fills it; earlier gaps stay."""
    cdef uint32_t end = begin + size
    cdef int32_t ahead, more
    if not trace.seen & 1 << (KNOWN + way):
        trace.seen |= <uint16_t>(1 << (KNOWN + way))
        trace.due[way] = begin
    ahead, more = <int32_t>(begin - trace.due[way]), <int32_t>(end - trace.due[way])
    if ahead >= FURTHEST or ahead <= -FURTHEST:
        return 0
    if more > 0:
        trace.bytes[way] += <uint32_t>more
        if ahead > 0:
            trace.missed += <uint32_t>ahead
            trace.gap[way], trace.behind[way] = trace.due[way], begin
            letter(trace, way, GAP)
        trace.due[way] = end
    elif size and trace.gap[way] != trace.behind[way]:
        fill(trace, way, begin, end)
    return 0


cdef inline int fill(Trace* trace, int way, uint32_t begin, uint32_t end) except -1 nogil:
    """Remove these bytes from the last gap."""
    cdef uint32_t low = trace.gap[way], high = trace.behind[way]
    cdef int32_t first = max(<int32_t>(begin - low), 0), last = min(<int32_t>(end - low), <int32_t>(high - low))
    if last <= first:
        return 0
    trace.missed -= <uint32_t>(last - first)
    if first == 0:
        trace.gap[way] = low + <uint32_t>last
    else:
        trace.behind[way] = low + <uint32_t>first  # data after the remaining gap, if any, stays missed
    return 0
