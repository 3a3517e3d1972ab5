# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The select pass: chooses the rows that become Python objects, and their dissectors.

Frames, datagrams and TCP rows number their dissectors separately: each dissector has one bit of column ``wanted`` for
each kind of rows it reads; dissectors of rare protocols share one (``Interest.shares``). Tables of ports, ethertypes,
protocols and leading bytes give the bits of a row in a few look-ups. A datagram is not wanted again if the same sender
has just sent an identical payload. TCP rows are wanted by the dissectors that follow their flow, which the first
payloads of each direction determine; if these come in pieces, they are put together and wait until then. Messages
between two hosts in one protocol beyond a budget per second, and unsolicited answers beyond it, are shed and counted by
dissector; for ICMP there is also a budget per sender and per receiver: a flood in one protocol hides no other, and no
pair of hosts hides the others. Flows and all that is counted from them include shed rows. TCP headers are rows of the
kind of frames: SYNs with options that are new for their sender, and segments with invalid flags, a limited number per
second and hardly any during a flood.

While thousands of unknown MACs appear, only known senders are read, and new ones that appear again: the others may all
be spoofed. The row at which such a flood begins has the highest bit of ``wanted``.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from sensor.core.dissector import datagram_bits, stream_bits
from sensor.core.recent cimport RecentSet
from sensor.core.row cimport ACK, FIN, FOREIGN_RESET, RST, SYN, WHOLE, Row
from sensor.decode.flows cimport BEGUN, HEADS, PIECES, WEIGHT, FlowTable, Slot, outside
from sensor.decode.openings cimport Opening, begin_opening, may_wait, opening_of, put_piece
from sensor.decode.row_hashes cimport digest, head_digest, pair, source_of, target_of
from sensor.decode.selection cimport (
    DATAGRAMS, FLOODED, FLOOD_BEGINS, FRAMES, DEFERRED, HEAD, HEADS_IN_FLOOD, HEADS_PER_SECOND, HEAD_SENDERS, KINDS,
    LEADS, MAX_DISSECTORS, NEWCOMERS, PER_SECOND, SAMPLE, SECOND_CHANCES, SENDERS, SHORT, STREAMS, WAITS, WORDS,
    again, big, cyclic, key_of, lead_place, magic, mark, remember, sensor_lowest, too_early, wait_for, weight,
)

# For users of the rows.
NEWCOMERS_BIT, FLOODED_SENDERS, WAITS_BIT = NEWCOMERS, FLOODED, WAITS

LEAD = np.dtype([("first", "u4"), ("second", "u4"), ("mask", "u4"), ("used", "u4"), ("bits", "u8"), ("streams", "u8")])

cdef class Selector:
    def __init__(self, interests, RecentSet recent, uint32_t most=PER_SECOND):
        """``interests``: one Interest per dissector. The bits of each kind of rows are assigned in order to the
        dissectors that want it. ``most``: rows per second that a dissector gets of two hosts. Raises ValueError for a
        rule that does not fit.
        """
        self.most = most
        self.shed_of = np.zeros(KINDS * 64, np.uint64)
        self.shed_bits = self.shed_of
        self.udp, self.tcp = np.zeros(65536, np.uint64), np.zeros(65536, np.uint64)
        self.ethertypes = np.zeros(65536, np.uint64)
        self.protocols = np.zeros(256, np.uint64)
        self.icmp, self.icmp6 = np.zeros(256, np.uint64), np.zeros(256, np.uint64)
        self.leads = np.zeros(LEADS, LEAD)
        self.recent, self.head_senders = recent, RecentSet(HEAD_SENDERS)
        self.senders, self.deferred = RecentSet(SENDERS), RecentSet(DEFERRED)
        self.room(65536)
        # of second 0, where some clocks begin
        self.newcomers.most, self.opening.most, self.odd.most = FLOODED, HEADS_PER_SECOND, HEADS_PER_SECOND
        for kind, add, bits in (
            ("frames", self.add_frames, [[interest] for interest in interests if interest.frames]),
            ("datagrams", self.add_datagrams, [[interests[i] for i in shared] for shared in datagram_bits(interests)]),
            ("streams", self.add_streams, [[interests[i] for i in shared] for shared in stream_bits(interests)]),
        ):
            if len(bits) > MAX_DISSECTORS:
                raise ValueError(f"dissectors of {kind} need {len(bits)} bits: at most {MAX_DISSECTORS}")
            for bit, wanting in enumerate(bits):
                for interest in wanting:
                    add(bit, interest)

    def add_frames(self, int bit, interest):
        cdef uint64_t flag = <uint64_t>1 << bit
        for table, numbers in (
            (self.ethertypes, interest.ethertypes), (self.protocols, interest.protocols), (self.icmp, interest.icmp),
            (self.icmp6, interest.icmp6),
        ):
            mark(table, numbers, flag)
        remember(&self.frames, bit, interest)
        if interest.tcp_heads:
            window = int(interest.repeats_s * 1e9)
            self.head_window = min(self.head_window, window) if self.head_bits else window
            self.head_bits |= flag

    def add_datagrams(self, int bit, interest):
        cdef uint64_t flag = <uint64_t>1 << bit
        mark(self.udp, interest.udp, flag)
        self.rules(interest, flag, 0)
        remember(&self.messages, bit, interest)

    def add_streams(self, int bit, interest):
        cdef uint64_t flag = <uint64_t>1 << bit
        mark(self.tcp, interest.tcp, flag)
        self.rules(interest, 0, flag)
        wait_for(&self.quiet_flows, bit, interest)
        for seen in range(HEADS + 1):
            if not interest.opening or seen < interest.opening:
                self.wants[seen] |= flag
        if not interest.opening:
            self.whole |= flag
        elif not 1 <= interest.opening <= HEADS:
            raise ValueError(f"opening {interest.opening}: 1 to {HEADS} payloads, or 0 for all")

    def rules(self, interest, uint64_t bits, uint64_t streams):
        """Add the leading-byte rules of one dissector."""
        for start in interest.starts:
            self.lead(start, bits, streams)
        for offset, value in interest.magic:
            if len(value) != 4:
                raise ValueError(f"magic {value!r}: 4 bytes")
            magic(
                &self.stream_magics if streams else &self.magics, offset, int.from_bytes(value, "big"), bits | streams
            )

    def lead(self, bytes start, uint64_t bits, uint64_t streams):
        cdef uint32_t first, second, mask
        cdef int at, tries
        if not 4 <= len(start) <= 8:
            raise ValueError(f"leading bytes {start!r}: 4 to 8")
        first = int.from_bytes(start[:4], "big")
        second = int.from_bytes(start[4:].ljust(4, b"\0"), "big")
        mask = int.from_bytes((b"\xff" * (len(start) - 4)).ljust(4, b"\0"), "big")
        at = lead_place(first)
        for tries in range(LEADS):
            if (
                not self.leads[at].used
                or (self.leads[at].first == first and self.leads[at].second == second and self.leads[at].mask == mask)
            ):
                break
            at = (at + 1) % LEADS
        else:
            raise ValueError("more leading-byte rules than places")
        self.leads[at].first, self.leads[at].second, self.leads[at].mask, self.leads[at].used = first, second, mask, 1
        self.leads[at].bits |= bits
        self.leads[at].streams |= streams

    def select(self, const uint8_t[::1] data, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop, FlowTable flows):
        """Fill ``wanted`` of rows, which ``flows`` has just followed; returns the indexes of those with any bit, in
        order.
        """
        cdef Py_ssize_t i
        self.begin(stop - start)
        with nogil:
            for i in range(start, stop):
                self.select_row(data, &rows[i], <int32_t>i, flows)
        return self.take()[0]

    def begin(self, Py_ssize_t rows):
        """Reserve space for this many chosen rows and clear the list."""
        self.count = 0
        if self.chosen.shape[0] < rows:
            self.room(rows)

    def room(self, Py_ssize_t rows):
        self.chosen_rows, self.chosen_bits = np.zeros(rows, np.int32), np.zeros(rows, np.uint64)
        self.chosen, self.bits = self.chosen_rows, self.chosen_bits

    def take(self):
        """The rows chosen since ``begin`` and their remaining bits, as copies."""
        return self.chosen_rows[: self.count].copy(), self.chosen_bits[: self.count].copy()

    cdef int select_row(self, const uint8_t[::1] data, Row* row, int32_t index, FlowTable flows) except -1 nogil:
        """Fill ``wanted`` of a row, and choose it if any dissector wants it. Dissectors that dropped its flow are
        removed last, so that nothing depends on them.
        """
        self.row(data, row, flows)
        if row.wanted:
            self.chosen[self.count] = index
            self.bits[self.count] = (
                row.wanted & ~flows.unfollowed[row.slot] if row.proto == 6 and row.slot >= 0 and row.begins != HEAD
                else row.wanted
            )
            self.count += 1
        return 0

    cdef int row(self, const uint8_t[::1] data, Row* row, FlowTable flows) except -1 nogil:
        cdef uint64_t wanted
        cdef int words, admitted = 1
        if row.proto == 6 and row.ip_version:
            words = row.begins
            row.wanted = self.of_stream(data, row, flows) if row.slot >= 0 else 0
            if (
                row.wanted == 0
                and words >= WORDS
                and self.head_bits
                and (row.tcp_flags & SYN or not row.tcp_flags & (RST | ACK) or row.problem & FOREIGN_RESET)
            ):
                row.wanted = self.of_head(data, row, words)
            return 0
        if row.ip_version == 0:
            wanted = self.ethertypes[row.ethertype] if row.ethertype and not cyclic(data, row) else 0
        elif row.fragment != WHOLE:  # until the datagram is complete
            row.wanted = 0
            return 0
        elif row.proto == 17:
            wanted = self.udp[row.sport] | self.udp[row.dport]
            if row.payload_len >= 8:
                wanted |= self.recognised(data, row, False)
        elif row.proto == 58:
            wanted = self.icmp6[row.sport & 255]
        elif row.proto == 1:
            wanted = self.icmp[row.sport & 255]
        else:
            wanted = self.protocols[row.proto]
        if row.payload_len == 0:
            wanted = 0
        if wanted and row.src_mac:
            admitted = self.admits(row)
            if not admitted:
                row.wanted = 0
                return 0
        if wanted:
            wanted = self.fresh(
                data, row, wanted, &self.messages if row.proto == 17 and row.ip_version else &self.frames
            )
        if wanted and row.slot >= 0:
            wanted = self.within(row, wanted, DATAGRAMS if row.proto == 17 else FRAMES, key_of(row, flows))
        if wanted and (row.proto == 1 or row.proto == 58) and row.ip_version:
            wanted = self.within(row, self.within(row, wanted, FRAMES, source_of(row)), FRAMES, target_of(row))
        if admitted == FLOOD_BEGINS:
            wanted |= <uint64_t>1 << NEWCOMERS
        row.wanted = wanted
        return 0

    cdef int admits(self, Row* row) except -1 nogil:
        """1 if a sender is known or may become known, FLOOD_BEGINS if it also begins a flood; otherwise 0, and the row
        is counted as shed.
        """
        cdef Heads* heads = &self.newcomers
        cdef uint32_t second = <uint32_t>(row.ts // 1_000_000_000)
        if self.senders.holds(row.src_mac):
            return 1
        if heads.second != second:
            heads.most = FLOODED if heads.met <= FLOODED or second - heads.second > 1 else 0
            heads.second, heads.met, heads.taken = second, 0, 0
        heads.met += 1
        if heads.met > heads.most and not (heads.most and heads.met == heads.most + 1):
            if heads.taken >= SECOND_CHANCES or self.deferred.see(row.src_mac, row.ts, 60_000_000_000):
                self.shed += 1
                return 0
            heads.taken += 1
        self.senders.see(row.src_mac, row.ts, 0)
        return FLOOD_BEGINS if heads.met == heads.most + 1 and heads.most else 1

    cdef uint64_t of_stream(self, const uint8_t[::1] data, Row* row, FlowTable flows) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the dissectors that follow the flow of this TCP row, which is inspected first if it is one of the
        first with a payload.
        """
        cdef Slot* slot
        cdef uint64_t found = 0, waits = 0, wanted
        cdef uint8_t* heads
        # set by the flow pass; saves the slot's cache line
        if row.payload_len == 0 or (row.spare >= HEADS * WEIGHT and row.wanted == 0):
            return 0
        slot = &flows.table[row.slot]
        heads = &slot.heads0 if row.direction == 0 else &slot.heads1
        if outside(slot, row.direction, row.seq):
            self.repeats += 1
            return 0
        # a byte before the first is a keep-alive (RFC 9293, 3.8.4)
        if again(slot, row) and (heads[0] or row.payload_len == 1):
            self.repeats += 1
            return 0
        if row.payload_len >= SHORT and (heads[0] < HEADS * WEIGHT or slot.followers & ~self.whole):
            found = self.recognised(data, row, True)
            if found & slot.followers & ~self.whole:
                heads[0] = 0  # another message begins
        if slot.fins & PIECES or (heads[0] == 0 and not found and (row.spare or row.payload_len < SHORT)):
            found |= self.in_pieces(data, row, slot, heads, found)
            waits = found & <uint64_t>1 << WAITS
            found ^= waits
        row.begins = <uint8_t>(row.begins << 2 | (found != 0))
        if heads[0] < HEADS * WEIGHT:
            slot.followers |= found | self.tcp[row.sport] | self.tcp[row.dport]
        wanted = slot.followers & self.wants[heads[0] // WEIGHT]
        if wanted & self.quiet_flows.bits:
            wanted ^= too_early(&self.quiet_flows, wanted & self.quiet_flows.bits, slot, row.ts)
        heads[0] = min(heads[0] + weight(row), HEADS * WEIGHT)
        return (self.within(row, wanted, STREAMS, pair(row)) if wanted else 0) | waits

    cdef uint64_t in_pieces(
        self, const uint8_t[::1] data, Row* row, Slot* slot, uint8_t* heads, uint64_t found
    ) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the dissectors that recognize the first bytes of a direction, put together from the payload of this
        row and those before it; WAITS if bytes are missing. ``found``: dissectors that recognize this row's payload.
        Only flows that began with a handshake and that no dissector follows by port have openings.
        """
        cdef Opening* opening = opening_of(&self.openings, row) if slot.fins & PIECES else NULL
        cdef uint64_t bits = 0
        cdef uint32_t size
        if opening == NULL:
            if found or heads[0] or not slot.fins & BEGUN or slot.followers | self.tcp[row.sport] | self.tcp[row.dport]:
                return 0
            opening = begin_opening(&self.openings, row)
            slot.fins |= PIECES
        if not found:
            size = put_piece(opening, row, &data[row.frame + row.payload])
            bits = self.known(&opening.data[0], size, True) if size >= SHORT else 0
            if not bits and not slot.followers and may_wait(&self.openings, opening, row.ts):
                return <uint64_t>1 << WAITS
            heads[0] = max(heads[0], 1)  # it has no other opening
        opening.key = 0
        return bits

    cdef uint64_t of_head(self, const uint8_t[::1] data, Row* row, int words) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the dissectors that want the header of this TCP row as payload: a SYN without data, or a segment with
        invalid flags, or a reset from a foreign MAC.
        """
        # all but SYN and RST carry ACK (RFC 9293, 3.10.7)
        cdef bint odd = row.tcp_flags & (FIN | RST) if row.tcp_flags & SYN else True
        cdef Heads* heads = &self.odd if odd else &self.opening
        cdef uint32_t second = <uint32_t>(row.ts // 1_000_000_000)
        if row.payload_len or row.fragment != WHOLE or (row.tcp_flags & ACK and not odd):
            return 0
        if heads.second != second:
            heads.most = HEADS_IN_FLOOD if heads.met > HEADS_PER_SECOND else HEADS_PER_SECOND
            heads.second, heads.met, heads.taken = second, 0, 0
        if heads.taken >= heads.most:  # not remembered: it must be new when it is seen again
            self.shed += 1
            heads.left += 1
            if (
                heads.left % SAMPLE == 0
                and not self.head_senders.holds(head_digest(data, row, row.payload - 4 * words, odd))
            ):
                heads.met += SAMPLE
            return 0
        if not self.head_senders.see(head_digest(data, row, row.payload - 4 * words, odd), row.ts, self.head_window):
            self.repeats += 1
            return 0
        heads.met += 1
        heads.taken += 1
        row.payload, row.payload_len, row.begins = row.payload - 4 * words, 4 * words, HEAD
        return self.head_bits

    cdef uint64_t within(self, Row* row, uint64_t wanted, int kind, uint64_t whose) except? 0xFFFFFFFFFFFFFFFF nogil:
        """The bits of dissectors whose budget for these hosts allows one more row in this second; the others are
        counted as shed.
        """
        cdef uint64_t left = wanted, key
        cdef uint32_t second = <uint32_t>(row.ts // 1_000_000_000)
        cdef Budget* budget
        cdef int bit = 0
        while left:
            bit += sensor_lowest(left >> bit)
            left &= ~(<uint64_t>1 << bit)
            key = whose + <uint64_t>(2 * (kind * 64 + bit)) * <uint64_t>0xD6E8FEB86659FD93
            budget = &self.budgets[key >> BUDGETS_SHIFT]
            if budget.key != key or budget.second != second:
                budget.key, budget.second, budget.used = key, second, 0
            budget.used += 1
            if budget.used > self.most:
                wanted &= ~(<uint64_t>1 << bit)
                self.shed += 1
                self.shed_bits[kind * 64 + bit] += 1
        return wanted

    cdef uint64_t recognised(self, const uint8_t[::1] data, Row* row, bint stream) except? 0xFFFFFFFFFFFFFFFF nogil:
        """Bits of the stream or datagram dissectors that recognize the first bytes of this payload, at least SHORT."""
        cdef Py_ssize_t at = row.frame + row.payload
        if at < 0 or at + row.payload_len > data.shape[0]:
            with gil:
                raise IndexError(f"bytes {at}+{row.payload_len} of a block of {data.shape[0]}")
        return self.known(&data[at], row.payload_len, stream)

    cdef uint64_t known(self, const uint8_t* payload, uint32_t size, bint stream) except? 0xFFFFFFFFFFFFFFFF nogil:
        """The same for ``size`` bytes, at least SHORT."""
        cdef uint32_t first = big(payload), second = big(payload + 4), offset = 0, value = first
        cdef int place = lead_place(first), i
        cdef uint64_t bits = 0
        cdef Magics* magics = &self.stream_magics if stream else &self.magics
        while self.leads[place].used:
            if self.leads[place].first == first and second & self.leads[place].mask == self.leads[place].second:
                bits |= self.leads[place].streams if stream else self.leads[place].bits
            place = (place + 1) % LEADS
        for i in range(magics.count):
            if magics.rules[i].offset != offset:
                offset = magics.rules[i].offset
                if size < offset + 4:
                    break
                value = big(payload + offset)
            if value == magics.rules[i].value:
                bits |= magics.rules[i].bits
        return bits

    cdef uint64_t fresh(
        self, const uint8_t[::1] data, Row* row, uint64_t wanted, Repeats* repeats
    ) except? 0xFFFFFFFFFFFFFFFF nogil:
        """The bits without dissectors that have just seen this payload from this sender."""
        cdef int bit
        cdef uint64_t key, left = wanted & repeats.bits
        if left == 0:
            return wanted
        for bit in range(MAX_DISSECTORS):
            if left >> bit & 1:
                key = digest(data, row, repeats.first[bit], repeats.stop[bit]) + bit
                if not self.recent.see(key, row.ts, repeats.windows[bit]):
                    wanted &= ~(<uint64_t>1 << bit)
                    self.repeats += 1
                left &= ~(<uint64_t>1 << bit)
                if left == 0:
                    break
        return wanted
