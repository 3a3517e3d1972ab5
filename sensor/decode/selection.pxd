# Limits of the select pass, and helpers that read a row.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport SYN, Row, cut_off
from sensor.decode.flows cimport UNASKED, WEIGHT, FlowTable, Slot, await_payload
from sensor.decode.row_hashes cimport PRIME, pair
from sensor.decode.select cimport MAGICS, Magic, Magics, QuietFlows, Repeats

cdef enum:
    MAX_DISSECTORS = 62  # of each kind of rows
    LEADS = 1024         # slots for leading-byte rules, by their first four bytes
    # rows that one dissector gets of a pair of hosts, or unsolicited ones to one host, in a second of packet time
    PER_SECOND = 200000
    # new SYNs, and as many new segments with invalid flags, of all hosts together; more in the previous second are a
    # flood, in which they are counted by one in SAMPLE
    HEADS_PER_SECOND = 4096
    SAMPLE = 32
    FLOODED = 2000       # this many new senders in a second are a flood: tools send more, no network has so many
    KINDS = 3            # of rows: frames, datagrams, streams
    HEADS_IN_FLOOD = 2   # per second
    HEAD_SENDERS = 14    # 2**14 headers are remembered
    SENDERS = 16         # 2**16 known senders of frames and datagrams
    DEFERRED = 14        # 2**14 senders seen once during a flood of new senders
    SECOND_CHANCES = 64  # number of those that become known in a second
    FLOOD_BEGINS = 2
    NEWCOMERS = 63       # the bit of the row at which a flood of senders begins; no dissector has it
    WAITS = 62           # the bit of a segment that waits for the beginning of its stream; no dissector has it
    SHORT = 8            # a shorter payload is not recognized
    HEAD = 2             # Row.begins: the payload is the TCP header
    WORDS = 5            # 32-bit words of a TCP header without options
    PROFINET = 0x8892    # ethertype of discovery, alarms and cyclic data
    DISCOVERY = 0xFEFC   # the first frame id of discovery (IEC 61158-6-10, 4.3)

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define sensor_lowest(n) __builtin_ctzll(n)
    #else
    static int sensor_lowest(unsigned long long n) { int at = 0; while (!(n & 1)) { n >>= 1; at++; } return at; }
    #endif
    """
    int sensor_lowest(unsigned long long number) nogil  # the number must not be 0

# Kinds of rows, each with its own numbering of dissectors.
cdef enum:
    FRAMES = 0
    DATAGRAMS = 1
    STREAMS = 2


cdef inline int weight(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    """Weight of a payload in an opening: tiny segments weigh little, and nothing if they are too short for the
    beginning of a message to be recognized.
    """
    return min((row.payload_len + 15) >> 4, WEIGHT) if row.payload_len >= 8 else 0


cdef inline bint again(Slot* slot, Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    """Whether a payload ends where the previous one of its direction did: mirroring both ends of a link duplicates
    every frame. Sets ``spare`` of the row to the number of bytes before it that are missing from the capture or come
    later.
    """
    cdef uint32_t begin = row.seq + (row.tcp_flags & SYN != 0), end = begin + row.payload_len + cut_off(row)
    cdef uint32_t due = slot.next1 if row.direction else slot.next0
    cdef int32_t ahead
    row.spare = 0
    if due:
        if end == due:
            return True
        if <int32_t>(end - due) < 0:  # comes late, or again
            return False
        ahead = <int32_t>(begin - due)
        row.spare = <uint16_t>min(max(ahead, 0), 0xFFFF)
    await_payload(slot, row.direction, end)
    return False


cdef inline uint64_t key_of(Row* row, FlowTable flows) except? 0xFFFFFFFFFFFFFFFF nogil:
    """Key of the budget that a datagram uses: that of its two hosts or, if the server began the flow, that of all hosts
    that send unsolicited answers to this host.
    """
    if row.direction and flows.table[row.slot].fins & UNASKED:
        return (row.dst_lo ^ row.dst_hi) * PRIME & ~<uint64_t>1
    return pair(row)


cdef inline uint32_t big(const uint8_t* at) noexcept nogil:  # the caller counts the bytes
    """Four bytes, big-endian."""
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline int cyclic(const uint8_t[::1] data, const Row* row) except -1 nogil:
    """Whether a frame is one of PROFINET, but not of its discovery: thousands of them a second are never wanted."""
    cdef uint32_t at = row.frame + row.payload
    if row.ethertype != PROFINET or row.payload_len < 2:
        return 0
    return (data[at] << 8 | data[at + 1]) < DISCOVERY


cdef inline int lead_place(uint32_t first) noexcept nogil:  # arithmetic only: nothing can fail
    return <int>(first * <uint32_t>0x9E3779B1 >> 22)


cdef inline int remember(Repeats* repeats, int bit, interest) except -1:
    """Record what a dissector treats as a repeat."""
    repeats.windows[bit] = int(interest.repeats_s * 1e9)
    if repeats.windows[bit]:
        repeats.bits |= <uint64_t>1 << bit
    repeats.first[bit], repeats.stop[bit] = interest.volatile
    return 0


cdef inline int wait_for(QuietFlows* quiet, int bit, interest) except -1:
    """Record from when, and how quiet, a flow is followed by a dissector."""
    if interest.from_s:
        quiet.bits |= <uint64_t>1 << bit
        quiet.age[bit] = interest.from_s * 1_000_000_000
        quiet.bytes[bit], quiet.rate[bit] = interest.quiet
    return 0


# arithmetic only: nothing can fail
cdef inline uint64_t too_early(const QuietFlows* quiet, uint64_t bits, const Slot* slot, int64_t ts) noexcept nogil:
    """Those of some dissectors of quiet flows that do not follow the flow now. The number of bits is limited."""
    cdef int64_t age = ts - slot.first
    cdef uint64_t left = bits
    cdef int bit
    while left:
        bit = sensor_lowest(left)
        left &= left - 1
        if (
            age >= quiet.age[bit]
            and slot.bytes0 + slot.bytes1 <= quiet.bytes[bit] + <uint64_t>(age // 1_000_000_000) * quiet.rate[bit]
        ):
            bits ^= <uint64_t>1 << bit
    return bits


cdef inline int magic(Magics* magics, uint32_t offset, uint32_t value, uint64_t bits) except -1:
    """Add a rule on bytes within a payload, sorted by offset."""
    cdef int at = magics.count
    if at == MAGICS:
        raise ValueError(f"more than {MAGICS} magic numbers of a kind")
    while at > 0 and magics.rules[at - 1].offset > offset:
        magics.rules[at] = magics.rules[at - 1]
        at -= 1
    magics.rules[at] = Magic(offset, value, bits)
    magics.count += 1
    return 0


cdef inline int mark(table, numbers, uint64_t flag) except -1:
    """Set a bit of some entries of a table."""
    for number in numbers:
        table[number] = int(table[number]) | int(flag)
    return 0
