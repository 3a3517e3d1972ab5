# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Community IDs of connections in bulk, as ``core.community_id`` computes them for one: version 1, seed 0
(corelight/community-id-spec). The SHA-1 is computed here, since each message fits into one block: four at once, in
the lanes of a vector.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from sensor.core.community_id import ICMP_PAIRS, WITH_PORTS
from sensor.records.buffer cimport Head

cdef enum:
    LANES = 4
    WORDS = 16  # of a block
    DIGEST = 5
    TEXT = 30  # 1: and the base64 of 20 bytes
    MOST = 0x7FFFFFFF  # bytes of a column: its offsets have 31 bits
    UNPAIRED = 0x100
    V4 = 0xFFFF

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    typedef uint32_t four __attribute__((vector_size(16)));

    #define TURNED(x, by) ((x) << (by) | (x) >> (32 - (by)))
    #define STEPS(first, mixed, constant)                                 \
        for (i = first; i < first + 20; i++) {                            \
            four next = TURNED(a, 5) + (mixed) + e + word[i] + (constant); \
            e = d; d = c; c = TURNED(b, 30); b = a; a = next;             \
        }

    /* The SHA-1 of four messages of one padded block each: FIPS 180-4, section 6.1.2. */
    static void sha1_of_four(uint32_t block[16][4], uint32_t digest[5][4]) {
        const uint32_t begin[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
        const four zero = {0, 0, 0, 0};
        four word[80], a = zero + begin[0], b = zero + begin[1], c = zero + begin[2], d = zero + begin[3];
        four e = zero + begin[4], made[5];
        int i;
        memcpy(word, block, 16 * sizeof(four));
        for (i = 16; i < 80; i++) {
            four mixed = word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16];
            word[i] = TURNED(mixed, 1);
        }
        STEPS(0, d ^ (b & (c ^ d)), 0x5A827999)
        STEPS(20, b ^ c ^ d, 0x6ED9EBA1)
        STEPS(40, (b & c) | (d & (b | c)), 0x8F1BBCDC)
        STEPS(60, b ^ c ^ d, 0xCA62C1D6)
        made[0] = a + begin[0]; made[1] = b + begin[1]; made[2] = c + begin[2]; made[3] = d + begin[3];
        made[4] = e + begin[4];
        memcpy(digest, made, sizeof(made));
    }
    """
    void sha1_of_four(uint32_t[4] *block, uint32_t[4] *digest) noexcept nogil  # arithmetic only: nothing can fail

cdef const char *BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# By protocol: whether the message contains ports. By protocol and type of ICMP: the type of the other direction.
cdef uint8_t[256] with_ports
cdef uint16_t[2][256] paired

cdef int prepare() except -1:
    cdef int place, kind
    for kind in range(256):
        with_ports[kind] = kind in WITH_PORTS
        for place in range(2):
            paired[place][kind] = UNPAIRED
    for place, number in enumerate(sorted(ICMP_PAIRS)):
        for one, other in ICMP_PAIRS[number].items():
            paired[place][<int>one] = other
    return 0

prepare()
cdef uint8_t ICMP = min(ICMP_PAIRS), ICMPV6 = max(ICMP_PAIRS)


def prefixes(const Head[::1] heads not None):
    """The first 8 bytes of the SHA-1 of each flow as a signed number; 0 if it has no Community ID."""
    cdef Py_ssize_t i, j, rows = heads.shape[0]
    cdef uint32_t digest[DIGEST][LANES]
    cdef uint8_t known[LANES]
    out = np.zeros(rows, np.int64)
    cdef uint64_t[::1] to = out.view(np.uint64)
    for i in range(0, rows, LANES):
        hashed(heads[i:i + LANES], digest, known)
        for j in range(min(LANES, rows - i)):
            if known[j]:
                to[i + j] = <uint64_t>digest[0][j] << 32 | digest[1][j]
    return out


def ids(const Head[::1] heads not None):
    """The Community ID of each flow as text, empty if it has none: offsets (one more than flows) and bytes."""
    cdef Py_ssize_t i, j, rows = heads.shape[0]
    cdef int32_t used = 0
    cdef uint32_t digest[DIGEST][LANES]
    cdef uint8_t known[LANES]
    if rows > MOST // TEXT:
        raise ValueError(f"{rows} Community IDs in one column")
    offsets, data = np.zeros(rows + 1, np.int32), np.empty(rows * TEXT + 1, np.uint8)
    cdef int32_t[::1] at = offsets
    cdef uint8_t[::1] to = data
    for i in range(0, rows, LANES):
        hashed(heads[i:i + LANES], digest, known)
        for j in range(min(LANES, rows - i)):
            if known[j]:
                written(&to[used], digest, <int>j)
                used += TEXT
            at[i + j + 1] = used
    return offsets, data[:used]


cdef int hashed(const Head[::1] flows, uint32_t[LANES] *digest, uint8_t *known) except -1:
    """The SHA-1 of at most four flows. ``known``: whether each has a Community ID."""
    cdef uint32_t block[WORDS][LANES]
    cdef Py_ssize_t i
    memset(block, 0, sizeof(block))
    for i in range(flows.shape[0]):
        known[i] = message(&flows[i], block, <int>i)
    sha1_of_four(block, digest)
    return 0


cdef bint message(const Head *flow, uint32_t[LANES] *block, int lane) noexcept nogil:  # arithmetic only
    """The padded message of a flow; False if its endpoints have no addresses or differ in family."""
    cdef uint16_t client = flow.sport, server = flow.dport, other
    cdef bint four = is_v4(flow.src_hi, flow.src_lo), one_way = False
    cdef uint32_t left = 0
    cdef int at = 0
    if (flow.src_hi | flow.src_lo) == 0 or (flow.dst_hi | flow.dst_lo) == 0:
        return False
    if four != is_v4(flow.dst_hi, flow.dst_lo):
        return False
    if flow.proto == ICMP or flow.proto == ICMPV6:
        other = paired[flow.proto == ICMPV6][client] if client < 256 else UNPAIRED
        one_way = other == UNPAIRED
        server = server if one_way else other
    if one_way or not smaller(flow.dst_hi, flow.dst_lo, server, flow.src_hi, flow.src_lo, client):
        left = address(block, lane, &at, left, flow.src_hi, flow.src_lo, four)
        left = address(block, lane, &at, left, flow.dst_hi, flow.dst_lo, four)
    else:
        left = address(block, lane, &at, left, flow.dst_hi, flow.dst_lo, four)
        left = address(block, lane, &at, left, flow.src_hi, flow.src_lo, four)
        client, server = server, client
    block[at][lane] = left << 16 | <uint32_t>flow.proto << 8
    at += 1
    if with_ports[flow.proto]:
        block[at][lane] = <uint32_t>client << 16 | server
        at += 1
    block[at][lane] = <uint32_t>1 << 31
    block[WORDS - 1][lane] = 32 * at
    return True


cdef inline bint is_v4(uint64_t hi, uint64_t lo) noexcept nogil:  # arithmetic only: nothing can fail
    return hi == 0 and lo >> 32 == V4


cdef inline bint smaller(
    uint64_t hi, uint64_t lo, uint16_t port, uint64_t hi2, uint64_t lo2, uint16_t port2
) noexcept nogil:  # arithmetic only: nothing can fail
    """Whether the first endpoint is the smaller one."""
    if hi != hi2:
        return hi < hi2
    return lo < lo2 if lo != lo2 else port < port2


cdef inline uint32_t address(
    uint32_t[LANES] *block, int lane, int *at, uint32_t left, uint64_t hi, uint64_t lo, bint four
) noexcept nogil:  # arithmetic only: nothing can fail
    """Append an address. ``left``: the 16 bits that wait for the other half of their word, as the seed is 16 bits long;
    returns those of the address.
    """
    if not four:
        left = word(block, lane, at, left, <uint32_t>(hi >> 32))
        left = word(block, lane, at, left, <uint32_t>hi)
        left = word(block, lane, at, left, <uint32_t>(lo >> 32))
    return word(block, lane, at, left, <uint32_t>lo)


cdef inline uint32_t word(
    uint32_t[LANES] *block, int lane, int *at, uint32_t left, uint32_t number
) noexcept nogil:  # arithmetic only: nothing can fail
    block[at[0]][lane] = left << 16 | number >> 16
    at[0] += 1
    return number & 0xFFFF


cdef void written(uint8_t *to, uint32_t[LANES] *digest, int lane) noexcept nogil:  # arithmetic only: nothing can fail
    """Write ``1:`` and the base64 of a digest (RFC 4648, section 4)."""
    cdef uint8_t raw[21]
    cdef int i, used = 2
    cdef uint32_t bits
    for i in range(20):
        raw[i] = digest[i >> 2][lane] >> (24 - 8 * (i & 3)) & 255
    raw[20] = 0
    to[0], to[1] = b"1", b":"
    for i in range(0, 21, 3):
        bits = <uint32_t>raw[i] << 16 | <uint32_t>raw[i + 1] << 8 | raw[i + 2]
        to[used], to[used + 1] = BASE64[bits >> 18], BASE64[bits >> 12 & 63]
        to[used + 2], to[used + 3] = BASE64[bits >> 6 & 63], BASE64[bits & 63]
        used += 4
    to[TEXT - 1] = b"="
