# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The select pass: which rows become Python objects, and for which dissectors.

Each dissector owns one bit of column ``wanted``. Tables over ports, ethertypes, protocols and leading bytes give the bits of a row in a few
look-ups. Bits of datagrams whose identical payload the same sender sent a moment ago are cleared. TCP rows are wanted by the dissectors that follow their flow: the first
payloads of each direction decide who that is.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np

from sensor.core.recent cimport RecentSet
from sensor.core.row cimport FIN, FIRST_FRAGMENT, LATER_FRAGMENT, RST, Row
from sensor.decode.bytes cimport u32
from sensor.decode.flows cimport HEADS, FlowTable, Slot

cdef enum:
    MAX_DISSECTORS = 63
    LEADS = 1024       # places for leading-byte rules, by their first four bytes

LEAD = np.dtype([("first", "u4"), ("second", "u4"), ("mask", "u4"), ("used", "u4"), ("bits", "u8")])

cdef class Selector:
    def __init__(self, interests, RecentSet recent):
        """``interests``: one Interest a dissector, in the order of their bits. ValueError where a rule cannot be held."""
        if len(interests) > MAX_DISSECTORS:
            raise ValueError(f"{len(interests)} dissectors: at most {MAX_DISSECTORS}")
        self.udp, self.tcp, self.ethertypes = np.zeros(65536, np.uint64), np.zeros(65536, np.uint64), np.zeros(65536, np.uint64)
        self.protocols, self.icmp, self.icmp6 = np.zeros(256, np.uint64), np.zeros(256, np.uint64), np.zeros(256, np.uint64)
        self.leads = np.zeros(LEADS, LEAD)
        self.recent = recent
        self.chosen_rows = np.zeros(65536, np.int32)
        self.chosen = self.chosen_rows
        for bit, interest in enumerate(interests):
            self.add(bit, interest)

    def add(self, int bit, interest):
        cdef uint64_t flag = <uint64_t>1 << bit
        for table, numbers in (
            (self.udp, interest.udp), (self.tcp, interest.tcp if interest.stream else ()), (self.ethertypes, interest.ethertypes),
            (self.protocols, interest.protocols), (self.icmp, interest.icmp), (self.icmp6, interest.icmp6),
        ):
            for number in numbers:
                table[number] = int(table[number]) | int(flag)
        for start in interest.starts:
            self.lead(start, flag)
        for offset, value in interest.magic:
            if self.magic_count == 16:
                raise ValueError("more than 16 magic numbers")
            if len(value) != 4:
                raise ValueError(f"magic {value!r}: 4 bytes")
            self.magics[self.magic_count] = Magic(offset, int.from_bytes(value, "big"), flag)
            self.magic_count += 1
        if interest.stream:
            self.streams |= flag
        self.windows[bit] = int(interest.repeats_s * 1e9)
        if self.windows[bit]:
            self.repeating |= flag
        self.volatile_from[bit], self.volatile_to[bit] = interest.volatile

    def lead(self, bytes start, uint64_t flag):
        cdef uint32_t first, second, mask
        cdef int at, tries
        if not 4 <= len(start) <= 8:
            raise ValueError(f"leading bytes {start!r}: 4 to 8")
        first = int.from_bytes(start[:4], "big")
        second = int.from_bytes(start[4:].ljust(4, b"\0"), "big")
        mask = int.from_bytes((b"\xff" * (len(start) - 4)).ljust(4, b"\0"), "big")
        at = lead_place(first)
        for tries in range(LEADS):
            if not self.leads[at].used or (self.leads[at].first == first and self.leads[at].second == second and self.leads[at].mask == mask):
                break
            at = (at + 1) % LEADS
        else:
            raise ValueError("more leading-byte rules than places")
        self.leads[at].first, self.leads[at].second, self.leads[at].mask, self.leads[at].used = first, second, mask, 1
        self.leads[at].bits |= flag

    def select(self, const uint8_t[::1] data, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop, FlowTable flows):
        """Fill ``wanted`` of rows start to stop, which ``flows`` has just followed; returns the indices of those with any bit set, in order."""
        self.begin(stop - start)
        with nogil:
            self.select_rows(data, rows, start, stop, flows)
        return self.take()

    def begin(self, Py_ssize_t rows):
        """Have room for so many chosen rows, none of them chosen yet."""
        self.count = 0
        if self.chosen.shape[0] < rows:
            self.chosen_rows = np.zeros(rows, np.int32)
            self.chosen = self.chosen_rows

    def take(self):
        """The rows chosen since ``begin``, as a copy."""
        return self.chosen_rows[: self.count].copy()

    cdef int select_rows(self, const uint8_t[::1] data, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop, FlowTable flows) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(start, stop):
            self.row(data, &rows[i], flows)
            if rows[i].wanted:
                self.chosen[self.count] = <int32_t>i
                self.count += 1
        return 0

    cdef int row(self, const uint8_t[::1] data, Row* row, FlowTable flows) except -1 nogil:
        cdef uint64_t wanted
        if row.proto == 6 and row.ip_version:
            row.wanted = self.of_stream(data, row, flows) if row.slot >= 0 else 0
            return 0
        if row.ip_version == 0:
            wanted = self.ethertypes[row.ethertype] if row.ethertype else 0
        elif row.fragment == LATER_FRAGMENT:
            row.wanted = self.of_datagram(row)
            return 0
        elif row.proto == 17:
            wanted = self.udp[row.sport] | self.udp[row.dport]
            if row.payload_len >= 8:
                wanted |= self.leading(data, row.frame + row.payload)
                wanted |= self.magic(data, row)
        elif row.proto == 58:
            wanted = self.icmp6[row.sport & 255]
        elif row.proto == 1:
            wanted = self.icmp[row.sport & 255]
        else:
            wanted = self.protocols[row.proto]
        if row.payload_len == 0:
            wanted = 0
        if wanted & self.repeating:
            wanted = self.fresh(data, row, wanted)
        if wanted and row.fragment == FIRST_FRAGMENT:
            self.datagrams[datagram_place(row)] = Datagram(datagram_key(row), wanted)
        row.wanted = wanted
        return 0

    cdef uint64_t of_datagram(self, Row* row) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the dissectors that wanted the first fragment. One that comes before the first is lost with its datagram."""
        cdef int place = datagram_place(row)
        return self.datagrams[place].bits if self.datagrams[place].key == datagram_key(row) else 0

    cdef uint64_t of_stream(self, const uint8_t[::1] data, Row* row, FlowTable flows) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the dissectors that follow the flow of this TCP row, after it was looked at if it is one of the first with a payload."""
        cdef Slot* slot
        cdef uint64_t found
        if row.spare >= HEADS and row.wanted == 0:  # told by the flow pass; saves the slot's cache line
            return 0
        slot = &flows.table[row.slot]
        if row.payload_len == 0:
            return slot.followers if row.tcp_flags & (FIN | RST) else 0
        if row.direction == 0 and slot.heads0 < HEADS or row.direction == 1 and slot.heads1 < HEADS:
            if row.direction == 0:
                slot.heads0 += 1
            else:
                slot.heads1 += 1
            found = self.tcp[row.sport] | self.tcp[row.dport]
            if row.payload_len >= 8:
                found |= self.leading(data, row.frame + row.payload) & self.streams
            slot.followers |= found
        return slot.followers

    cdef uint64_t leading(self, const uint8_t[::1] data, Py_ssize_t at) except? 0xFFFFFFFFFFFFFFFF nogil:
        cdef uint32_t first = u32(data, at)
        cdef int place = lead_place(first)
        cdef uint64_t bits = 0
        while self.leads[place].used:
            if self.leads[place].first == first and u32(data, at + 4) & self.leads[place].mask == self.leads[place].second:
                bits |= self.leads[place].bits
            place = (place + 1) % LEADS
        return bits

    cdef uint64_t magic(self, const uint8_t[::1] data, Row* row) except? 0xFFFFFFFFFFFFFFFF nogil:
        cdef uint64_t bits = 0
        cdef int i
        for i in range(self.magic_count):
            if row.payload_len >= self.magics[i].offset + 4 and u32(data, row.frame + row.payload + self.magics[i].offset) == self.magics[i].value:
                bits |= self.magics[i].bits
        return bits

    cdef uint64_t fresh(self, const uint8_t[::1] data, Row* row, uint64_t wanted) except? 0xFFFFFFFFFFFFFFFF nogil:
        """The bits without those whose dissector has just seen this payload from this sender."""
        cdef int bit
        cdef uint64_t key, left = wanted & self.repeating
        for bit in range(MAX_DISSECTORS):
            if left >> bit & 1:
                key = digest(data, row, self.volatile_from[bit], self.volatile_to[bit]) + bit
                if not self.recent.see(key, row.ts, self.windows[bit]):
                    wanted &= ~(<uint64_t>1 << bit)
                    self.repeats += 1
                left &= ~(<uint64_t>1 << bit)
                if left == 0:
                    break
        return wanted


cdef inline uint64_t datagram_key(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    return (row.src_lo ^ row.src_hi) * <uint64_t>0x9E3779B97F4A7C15 ^ (row.dst_lo ^ row.dst_hi) * <uint64_t>0xC2B2AE3D27D4EB4F ^ <uint64_t>row.seq << 8 ^ row.proto | 1


cdef inline int datagram_place(Row* row) noexcept nogil:  # arithmetic only: nothing can fail
    return <int>((row.seq * <uint32_t>0x9E3779B1 ^ <uint32_t>row.src_lo) * <uint32_t>0x85EBCA6B >> 24)


cdef inline int lead_place(uint32_t first) noexcept nogil:  # arithmetic only: nothing can fail
    return <int>(first * <uint32_t>0x9E3779B1 >> 22)


cdef inline uint64_t digest(const uint8_t[::1] data, Row* row, int volatile_from, int volatile_to) except? 0xFFFFFFFFFFFFFFFF nogil:
    """Hash of a payload without its volatile bytes, of its sender and of where it was sent."""
    cdef Py_ssize_t at = row.frame + row.payload, end = at + row.payload_len, first = at + volatile_from, stop = at + volatile_to
    cdef uint64_t value = row.src_mac ^ row.src_lo * <uint64_t>0x9E3779B97F4A7C15 ^ row.dst_lo * <uint64_t>0xC2B2AE3D27D4EB4F ^ row.payload_len
    value ^= <uint64_t>row.sport << 48 ^ <uint64_t>row.dport << 32 ^ <uint64_t>row.vlan << 16
    while at < end:
        if first <= at < stop:
            at = stop
            continue
        if at + 4 <= end and not (at < first < at + 4):
            value = (value ^ u32(data, at)) * <uint64_t>0x9FB21C651E98DF25
            value ^= value >> 28
            at += 4
        else:
            value = (value ^ data[at]) * <uint64_t>0x9FB21C651E98DF25
            value ^= value >> 28
            at += 1
    return value
