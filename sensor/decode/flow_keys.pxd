# Keys and clients of flows, their states and kinds of changes.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from sensor.core.row cimport ACK, SYN, Row
from sensor.decode.flows cimport Key, Slot

cdef enum:
    GROUP = 8
    SWEEPS = 16       # number of ticks in which the whole table is aged
    FIRST_GRADE = 20  # log2 of the bytes at which progress is first reported; then each time they are fourfold
    LAST_GRADE = 20

# Values of Change.kind and Change.reason: sensor.core.flow.Change and Reason.
cdef enum:
    NEW = 1
    ANSWERED = 2
    REFUSED = 3
    PROGRESS = 5
    FINISHED = 1
    RESET = 2
    IDLE = 3
    EVICTED = 4
    STOPPED = 5

cdef enum:
    OPEN = 0
    CLOSED = 1        # reported as ended; kept for a while so that late packets open no new flow

# Age classes, in order of eviction: each has its time without packets after which a flow ends. Messages of ICMP are
# flows of their own after a short one, so that each round of a monitoring system is.
cdef enum:
    UNANSWERED = 0
    LINGERING = 1
    MESSAGES = 2
    DATAGRAMS = 3
    CONNECTED = 4
    CLASS_BITS = 3
    CLASS = (1 << CLASS_BITS) - 1


cdef inline uint64_t mix(uint64_t value) noexcept nogil:  # arithmetic only: nothing can fail
    value ^= value >> 32
    value *= <uint64_t>0xD6E8FEB86659FD93
    return value ^ value >> 32


cdef inline int key_of(Row* row, Key* key) except -1 nogil:
    """The key of a row, endpoints in canonical order; an echo reply has the key of its request (RFC 792: types 8 and 0;
    RFC 4443: 128 and 129).
    """
    cdef uint16_t sport = row.sport, dport = row.dport
    cdef bint swap
    if row.proto == 1 or row.proto == 58:
        if sport == 0 and row.proto == 1:
            sport = 8
        elif sport == 129 and row.proto == 58:
            sport = 128
        dport = sport  # the same in both directions; the ICMP code is not part of the key
    elif row.proto != 6 and row.proto != 17 and row.proto != 132:
        sport = dport = 0
    swap = row.src_hi > row.dst_hi or (
        row.src_hi == row.dst_hi
        and (row.src_lo > row.dst_lo or (row.src_lo == row.dst_lo and sport > dport))
    )
    if swap:
        key.hi0, key.lo0, key.port0 = row.dst_hi, row.dst_lo, dport
        key.hi1, key.lo1, key.port1 = row.src_hi, row.src_lo, sport
    else:
        key.hi0, key.lo0, key.port0 = row.src_hi, row.src_lo, sport
        key.hi1, key.lo1, key.port1 = row.dst_hi, row.dst_lo, dport
    key.end = swap
    key.hash = mix(key.lo0 * <uint64_t>0x9E3779B97F4A7C15 ^ key.hi0) ^ key.lo1 * <uint64_t>0xC2B2AE3D27D4EB4F ^ key.hi1
    key.hash = mix(key.hash ^ (<uint64_t>key.port0 << 32 | <uint64_t>key.port1 << 16 | row.proto))
    return 0


cdef inline int age_class(Slot* slot) except -1 nogil:
    if slot.state == CLOSED:
        return LINGERING
    if slot.proto == 1 or slot.proto == 58:
        return MESSAGES
    if not slot.answered:
        return UNANSWERED
    return CONNECTED if slot.proto == 6 else DATAGRAMS


cdef inline uint32_t patience(int age_class) noexcept nogil:  # constants only
    """Seconds without packets after which a flow ends."""
    if age_class == UNANSWERED:
        return 30
    if age_class == LINGERING:
        return 10
    if age_class == MESSAGES:
        return 8
    return 120 if age_class == DATAGRAMS else 900


cdef inline bint expired(uint32_t last, uint32_t now) noexcept nogil:  # arithmetic only
    """Whether a flow had no packet for longer than its age class allows. ``last``: stamp of its mark; ``now``: a
    stamp.
    """
    return now >> CLASS_BITS > last >> CLASS_BITS and (
        (now >> CLASS_BITS) - (last >> CLASS_BITS) > patience(last & CLASS)
    )


cdef inline int client_of(Row* row, Key* key) except -1 nogil:
    """The end that opened the flow, judged by its first captured packet: from a SYN or SYN/ACK; in mid-stream the end
    with the well-known port is the server.
    """
    cdef int sender = key.end
    if row.proto == 6:
        if row.tcp_flags & SYN:
            return 1 - sender if row.tcp_flags & ACK else sender
        if row.sport < 1024 and row.dport >= 1024:
            return 1 - sender
        if row.dport < 1024 and row.sport >= 1024:
            return sender
        return 1 - sender if row.sport < row.dport else sender
    if row.proto == 1 and row.sport == 0 or row.proto == 58 and row.sport == 129:  # an echo reply
        return 1 - sender
    if row.proto == 17 and row.sport < 1024 and row.dport >= 1024:
        return 1 - sender
    return sender
