# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The flow pass: finds or creates the flow of every row, counts, tracks TCP state, and reports changes as columns.

The table has a fixed size, with open addressing in groups of eight. If a group is full, the least important flow is
evicted: expired flows first, then unanswered ones and pings, then the one silent longest; so a flood of spoofed sources
evicts its own flows before any others. An expired flow is not continued: a further packet opens a new one. Slots are
used from the first on, whatever the place of their flow in the table: the memory of flows that a network never has is
not touched. A flow is identified by both (address, port) pairs and the protocol; the VLAN is not part of the key,
because mirror ports tag one direction only. Where a mirror port doubles every frame, the packets and bytes of an
answered connection count once.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np

from sensor.core.flow import CHANGE
from sensor.core.prefetch cimport sensor_prefetch
from sensor.core.row cimport ACK, FIN, LATER_FRAGMENT, ONE_SIDED, RST, SYN, Row
from sensor.core.row_copies import copied
from sensor.decode.flow_keys cimport (
    ANSWERED, CLASS, CLASS_BITS, CLOSED, EVICTED, FINISHED, FIRST_GRADE, GROUP, IDLE, LAST_GRADE, MESSAGES, NEW,
    OPEN, PROGRESS, REFUSED, RESET, STOPPED, SWEEPS, age_class, client_of, expired, key_of,
)

MARK = np.dtype([("tag", "u4"), ("stamp", "u4")])
SLOT = np.dtype(
    [(name, "u8") for name in ("uid", "hi0", "lo0", "hi1", "lo1", "mac0", "mac1")]
    + [(name, "i8") for name in ("first", "last")]
    + [(name, "u8") for name in ("bytes0", "bytes1", "followers")]
    + [(name, "u4") for name in ("packets0", "packets1")]
    + [(name, "u2") for name in ("port0", "port1", "vlan", "source")]
    + [(name, "u1") for name in ("proto", "state", "client", "answered", "fins", "heads0", "heads1", "grade")]
    + [("next0", "u4"), ("next1", "u4")]
)


cdef class FlowTable:
    PARTS = SWEEPS

    def __init__(self, int bits=17):
        """``bits``: room for 2**bits flows, 148 bytes each including tag, number of the slot, and unfollowed bits."""
        if not 4 <= bits <= 24:
            raise ValueError(f"bits {bits}: 4 to 24")
        self.slots = np.zeros(1 << bits, SLOT)
        self.table = self.slots
        self.marks = np.zeros(1 << bits, MARK)
        self.slot_at = np.zeros(1 << bits, np.uint32)
        self.unfollowed = np.zeros(1 << bits, np.uint64)
        self.mask = (1 << bits) - GROUP
        self.change_rows = np.zeros(1024, CHANGE)
        self.changes = self.change_rows
        self.next_uid = 1
        self.began = -1

    def follow(self, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop):
        """Track rows start to stop: fills ``flow``, ``slot`` and ``direction`` (0: from the client) and returns the
        changes, in order, as a copy.
        """
        cdef Py_ssize_t i, end
        self.changed = 0
        with nogil:
            while start < stop:
                end = min(start + CHUNK, stop)
                self.expect(rows, start, end)
                for i in range(start, end):
                    self.follow_row(&rows[i], <int>(i - start), <int32_t>i)
                start = end
        return self.take()

    def take(self):
        """The changes recorded since the last call, as a copy."""
        cdef Py_ssize_t changed = self.changed
        self.changed = 0
        return copied(self.change_rows[:changed])

    cdef int expect(self, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop) except -1 nogil:
        """At most CHUNK rows will be followed next, one by one: prefetch the cache lines of all before the first is
        needed.
        """
        cdef Py_ssize_t j
        for j in range(stop - start):
            self.wanted[j] = rows[start + j].ip_version != 0 and rows[start + j].fragment != LATER_FRAGMENT
            if self.wanted[j]:
                key_of(&rows[start + j], &self.keys[j])
                sensor_prefetch(&self.marks[(self.keys[j].hash & self.mask)])
                sensor_prefetch(&self.slot_at[(self.keys[j].hash & self.mask)])
        for j in range(stop - start):
            if self.wanted[j]:
                self.ahead(&self.keys[j])
        return 0

    cdef int follow_row(self, Row* row, int place, int32_t index) except -1 nogil:
        """Track one of the expected rows, the ``place``-th of them. ``index``: its row in the batch."""
        if self.wanted[place]:
            self.packet(row, &self.keys[place], index)
        return 0

    cdef inline int ahead(self, Key* key) except -1 nogil:
        """Prefetch the slot that the tag points to."""
        cdef uint64_t at = key.hash & self.mask
        cdef uint32_t tag = <uint32_t>(key.hash >> 32) | 1
        cdef int k
        for k in range(GROUP):
            if self.marks[at + k].tag == tag:
                sensor_prefetch(&self.table[self.slot_at[at + k]])
                sensor_prefetch(<const char*>&self.table[self.slot_at[at + k]] + 64)
                break
        return 0

    cdef int packet(self, Row* row, Key* key, int32_t index) except -1 nogil:
        cdef int place = self.locate(row, key)
        cdef int32_t at
        cdef Slot* slot
        if place < 0 or self.ends_before(row, place, index):
            place = self.open(row, key, key.hash & self.mask, index)
        at = <int32_t>self.slot_at[place]
        slot = &self.table[at]
        row.flow, row.slot = slot.uid, at
        row.direction = key.end != slot.client
        row.wanted, row.spare = slot.followers, slot.heads0 if row.direction == 0 else slot.heads1
        if row.tcp_flags & SYN and row.proto == 6:
            if (slot.next1 if row.direction else slot.next0) == row.seq + 1 and 0 <= row.ts - slot.last < COPIED_NS:
                slot.fins |= TWICE << key.end
            await_payload(slot, row.direction, row.seq + 1)
        slot.last = row.ts
        if key.end == 0:
            slot.packets0 += 1
            slot.bytes0 += row.wirelen
            if slot.mac0 == 0:
                slot.mac0 = row.src_mac
        else:
            slot.packets1 += 1
            slot.bytes1 += row.wirelen
            if slot.mac1 == 0:
                slot.mac1 = row.src_mac
        if (slot.mac0 if key.end == 0 else slot.mac1) != row.src_mac:
            foreign(row, slot, key.end)
        if (slot.packets0 == 0 or slot.packets1 == 0) and slot.fins & BEGUN and row.tcp_flags & (SYN | ACK) == ACK:
            row.problem |= ONE_SIDED
        if slot.state == OPEN:
            if (slot.bytes0 | slot.bytes1) >> (FIRST_GRADE + 2 * slot.grade) and slot.grade < LAST_GRADE:
                while (slot.bytes0 | slot.bytes1) >> (FIRST_GRADE + 2 * slot.grade) and slot.grade < LAST_GRADE:
                    slot.grade += 1
                self.record(slot, PROGRESS, 0, row.ts, index, at)
            self.advance(row, slot, key.end, index)
        self.marks[place].stamp = self.stamp(row.ts, age_class(slot))
        return 0

    cdef bint ends_before(self, Row* row, int place, int32_t index) except -1 nogil:
        """Whether the flow ended before this packet, and is released: it expired, or its port is reused."""
        cdef int32_t at = <int32_t>self.slot_at[place]
        if self.table[at].state == CLOSED:
            if row.tcp_flags & (SYN | ACK) != SYN or row.proto != 6:
                return False
        elif expired(self.marks[place].stamp, self.stamp(row.ts, 0)):
            self.close(at, IDLE, row.ts, index)
        else:
            return False
        self.release(place)
        return True

    cdef int locate(self, Row* row, Key* key) except -2 nogil:
        """The flow's place in the table, or -1."""
        cdef uint64_t at = key.hash & self.mask
        cdef uint32_t tag = <uint32_t>(key.hash >> 32) | 1
        cdef Slot* slot
        cdef int k
        for k in range(GROUP):
            if self.marks[at + k].tag == tag:
                slot = &self.table[self.slot_at[at + k]]
                if (slot.lo0 == key.lo0 and slot.lo1 == key.lo1 and slot.port0 == key.port0 and slot.port1 == key.port1
                        and slot.proto == row.proto and slot.hi0 == key.hi0 and slot.hi1 == key.hi1):
                    return <int>(at + k)
        return -1

    cdef int open(self, Row* row, Key* key, Py_ssize_t at, int32_t index) except -1 nogil:
        """Fill a slot for a new flow, recorded as NEW. Returns its place in the table."""
        cdef Py_ssize_t place = at, k
        cdef int32_t chosen
        cdef int64_t worst = -1, weight
        cdef uint32_t now = self.stamp(row.ts, 0), mark
        cdef Slot* slot
        for k in range(GROUP):
            if self.marks[at + k].tag == 0:
                place = at + k
                break
            mark = self.marks[at + k].stamp
            weight = max(<int64_t>(now >> CLASS_BITS) - <int64_t>(mark >> CLASS_BITS), 0)
            if expired(mark, now):
                weight += <int64_t>1 << 40
            elif mark & CLASS <= MESSAGES:
                weight += <int64_t>1 << 36
            if weight > worst:
                worst, place = weight, at + k
        if self.marks[place].tag:
            chosen = <int32_t>self.slot_at[place]
            if self.table[chosen].state == OPEN:
                if worst < <int64_t>1 << 40:
                    self.evicted += 1
                self.close(chosen, IDLE if worst >= <int64_t>1 << 40 else EVICTED, row.ts, index)
            self.release(place)
        chosen = self.unused()
        slot = &self.table[chosen]
        self.slot_at[place] = chosen
        self.active += 1
        self.opened += 1
        self.marks[place].tag = <uint32_t>(key.hash >> 32) | 1
        self.unfollowed[chosen] = 0  # reset here, since a dissector may drop a flow after its release
        slot.uid = self.next_uid
        self.next_uid += 1
        slot.hi0 = key.hi0
        slot.lo0 = key.lo0
        slot.hi1 = key.hi1
        slot.lo1 = key.lo1
        slot.port0 = key.port0
        slot.port1 = key.port1
        slot.proto, slot.vlan, slot.source, slot.first, slot.last = row.proto, row.vlan, row.source, row.ts, row.ts
        slot.client = client_of(row, key)
        slot.fins = (key.end != slot.client) * UNASKED | (row.proto == 6 and row.tcp_flags & SYN != 0) * BEGUN
        if key.end == 0:
            slot.mac0, slot.mac1 = row.src_mac, row.dst_mac
        else:
            slot.mac0, slot.mac1 = row.dst_mac, row.src_mac
        self.record(slot, NEW, 0, row.ts, index, chosen)
        return <int>place

    cdef int32_t unused(self) except -1 nogil:
        """Take a slot without a flow: the one freed last, so that few are in use."""
        cdef int32_t at
        if self.free:
            at = <int32_t>(self.free - 1)
            self.free = self.table[at].hi0
        else:
            at = <int32_t>self.used
            self.used += 1
        return at

    cdef int release(self, Py_ssize_t place) except -1 nogil:
        """Free a place and its slot."""
        cdef uint32_t at = self.slot_at[place]
        cdef Slot* slot = &self.table[at]
        self.marks[place].tag = 0
        slot.hi0 = self.free
        self.free = at + 1
        slot.bytes0 = slot.bytes1 = slot.followers = slot.mac0 = slot.mac1 = 0
        slot.packets0 = slot.packets1 = 0
        slot.state = slot.answered = slot.fins = slot.heads0 = slot.heads1 = slot.grade = 0
        slot.next0 = slot.next1 = 0
        self.active -= 1
        return 0

    cdef int advance(self, Row* row, Slot* slot, int end, int32_t index) except -1 nogil:
        """Update the flow's state from this packet: an answer, a refusal, its end."""
        cdef bint from_server = end != slot.client
        cdef int flags = row.tcp_flags
        if row.proto == 132 and from_server and not slot.answered and flags & RST:
            self.record(slot, REFUSED, 0, row.ts, index, row.slot)
            return self.over(row, RESET, index)
        if row.proto != 6:
            if from_server and not slot.answered:
                slot.answered = 1
                self.record(slot, ANSWERED, 0, row.ts, index, row.slot)
            return 0
        if from_server and not slot.answered and not flags & RST:
            slot.answered = 1
            self.record(slot, ANSWERED, 0, row.ts, index, row.slot)
        if flags & (RST | FIN) and outside(slot, row.direction, row.seq):
            return 0
        if flags & RST:
            if from_server and not slot.answered:
                self.record(slot, REFUSED, 0, row.ts, index, row.slot)
            self.over(row, RESET, index)
        elif flags & FIN:
            slot.fins |= 1 << end
            if slot.fins & 3 == 3:
                self.over(row, FINISHED, index)
        return 0

    cdef int over(self, Row* row, int reason, int32_t index) except -1 nogil:
        """This packet ends its flow. If the packet has data, its dissectors are not known yet: the select pass runs
        after this one.
        """
        self.close(row.slot, reason, row.ts, index)
        if row.payload_len:
            self.changes[self.changed - 1].spare = 1
        return 0

    cdef int close(self, int32_t at, int reason, int64_t ts, int32_t index) except -1 nogil:
        self.table[at].state = CLOSED
        return self.record(&self.table[at], ENDED, reason, ts, index, at)

    cdef int record(self, Slot* slot, int kind, int reason, int64_t ts, int32_t index, int32_t at) except -1 nogil:
        cdef Change* change
        cdef int copies0 = slot.answered & slot.fins // TWICE, copies1 = slot.answered & slot.fins // (2 * TWICE)
        if self.changed == self.changes.shape[0]:
            with gil:
                self.grow()
        change = &self.changes[self.changed]
        self.changed += 1
        change.ts, change.first, change.flow = ts, slot.first, slot.uid
        if slot.client == 0:
            change.client_hi = slot.hi0
            change.client_lo = slot.lo0
            change.client_mac = slot.mac0
            change.client_port = slot.port0
            change.server_hi = slot.hi1
            change.server_lo = slot.lo1
            change.server_mac = slot.mac1
            change.server_port = slot.port1
            change.client_bytes = slot.bytes0 >> copies0
            change.server_bytes = slot.bytes1 >> copies1
            change.client_packets = (slot.packets0 + copies0) >> copies0
            change.server_packets = (slot.packets1 + copies1) >> copies1
        else:
            change.client_hi = slot.hi1
            change.client_lo = slot.lo1
            change.client_mac = slot.mac1
            change.client_port = slot.port1
            change.server_hi = slot.hi0
            change.server_lo = slot.lo0
            change.server_mac = slot.mac0
            change.server_port = slot.port0
            change.client_bytes = slot.bytes1 >> copies1
            change.server_bytes = slot.bytes0 >> copies0
            change.client_packets = (slot.packets1 + copies1) >> copies1
            change.server_packets = (slot.packets0 + copies0) >> copies0
        change.row, change.slot, change.vlan, change.source = index, at, slot.vlan, slot.source
        change.kind, change.proto, change.reason, change.answered = kind, slot.proto, reason, slot.answered
        change.spare, change.last = slot.followers & ~self.unfollowed[at] != 0, slot.last
        return 0

    # arithmetic only
    cdef uint32_t stamp(self, int64_t ts, int age_class) noexcept nogil:
        """Time of last use and age class in one integer. Times before the table was created, or implausibly long after,
        are clamped.
        """
        cdef int64_t seconds = 0
        if self.began < 0:
            self.began = ts
        if ts > self.began:
            seconds = min(max((ts - self.began) // 1_000_000_000, 0), 0x1FFFFFF0)
        return <uint32_t>(seconds << CLASS_BITS | age_class)

    cdef int grow(self) except -1:
        """Double the capacity for changes."""
        self.change_rows = np.concatenate((self.change_rows, np.zeros(len(self.change_rows), CHANGE)))
        self.changes = self.change_rows
        return 0

    def sweep(self, int64_t now):
        """Age a sixteenth of the table; returns the ENDED changes. Called once a second of packet time."""
        self.changed = 0
        with nogil:
            self.age(now)
        return self.take()

    cdef int age(self, int64_t now) except -1 nogil:
        cdef Py_ssize_t i, part = self.marks.shape[0] // SWEEPS
        cdef Py_ssize_t start = (self.swept % SWEEPS) * part
        cdef uint32_t stamp = self.stamp(now, 0)
        self.swept += 1
        for i in range(start, start + part):
            if self.marks[i].tag and expired(self.marks[i].stamp, stamp):
                if self.table[self.slot_at[i]].state == OPEN:
                    self.close(<int32_t>self.slot_at[i], IDLE, now, -1)
                self.release(i)
        return 0

    def finish(self, int64_t now, int part):
        """End the open flows in one of PARTS parts of the table; returns the ENDED changes. Done in parts, since all
        changes at once would take as much memory again as the table.
        """
        self.changed = 0
        with nogil:
            self.finish_part(now, part)
        return self.take()

    cdef int finish_part(self, int64_t now, int part) except -1 nogil:
        cdef Py_ssize_t i, size = self.marks.shape[0] // SWEEPS
        for i in range(part * size, (part + 1) * size):
            if self.marks[i].tag and self.table[self.slot_at[i]].state == OPEN:
                self.close(<int32_t>self.slot_at[i], STOPPED, now, -1)
        return 0

    def unfollow(self, Py_ssize_t slot, uint64_t uid, uint64_t followers):
        """The dissectors ``followers`` (bits) want no more of this flow. Does nothing if the slot holds another flow by
        now.

        This only saves rows that dissection would skip anyway: the flow's other state does not change.
        """
        self.let_go(slot, uid, followers)

    cdef int let_go(self, Py_ssize_t slot, uint64_t uid, uint64_t followers) except -1 nogil:
        if self.table[slot].uid == uid:
            self.unfollowed[slot] |= followers
        return 0
