# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Traces of connections: which kinds of packets each side sent first (Zeek's history), how many bytes by sequence
numbers (RFC 9293, 3.4), and how many the capture lacks in between.

Letters as in Zeek's conn.log: S SYN, H SYN and ACK, A ACK alone, D data, F FIN, R RST, G content gap; small ones are
the server's; each stands once.
"""

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from sensor.core.row cimport ACK, FIN, RST, SYN, Row
from sensor.decode.flows cimport FURTHEST

cdef enum:
    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58
    ICMP_HEADER = 8
    SCTP = 132
    HEADER = 2               # Row.begins: the payload is the TCP header
    KINDS = 7
    KNOWN = 14               # bits of ``seen`` from here on: ``due`` is known, each way

# Places of the letters of the client; those of the server come behind them.
cdef enum:
    OPENS = 0
    ANSWERS = 1
    ACKNOWLEDGES = 2
    DATA = 3
    ENDS = 4
    RESETS = 5
    GAP = 6

LETTERS = "SHADFRGshadfrg"
"""By code, from 1 on."""


cdef int follow(Trace* trace, const Row* row) except -1 nogil:
    """One packet of the connection; the first of another one resets the trace."""
    cdef int way = 1 if row.direction else 0
    cdef int flags = row.tcp_flags
    cdef uint32_t size = row.payload_len if row.begins != HEADER or row.proto != TCP else 0
    if trace.flow != row.flow:
        memset(trace, 0, sizeof(Trace))
        trace.flow = row.flow
    if row.proto == ICMP or row.proto == ICMPV6:  # what Zeek counts: behind the header (RFC 792, RFC 4443)
        size -= min(size, ICMP_HEADER)
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
    """Note a letter, the first time."""
    cdef int place = kind + KINDS * way
    if not trace.seen & 1 << place:
        trace.seen |= <uint16_t>(1 << place)
        trace.letters = trace.letters << 4 | <uint64_t>(place + 1)
    return 0


cdef inline int advance(Trace* trace, int way, uint32_t begin, uint32_t size) except -1 nogil:
    """Bytes of one side. What comes late into the last gap fills it; gaps before that one stay."""
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
    """What of these bytes lies in the last gap is there."""
    cdef uint32_t low = trace.gap[way], high = trace.behind[way]
    cdef int32_t first = max(<int32_t>(begin - low), 0), last = min(<int32_t>(end - low), <int32_t>(high - low))
    if last <= first:
        return 0
    trace.missed -= <uint32_t>(last - first)
    if first == 0:
        trace.gap[way] = low + <uint32_t>last
    else:
        trace.behind[way] = low + <uint32_t>first  # the rest behind it, if any, stays missed
    return 0
