# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""TCP flows of native dissectors: reassembly with the rules of ``sensor.decode.reassembly``, and a bounded pool."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from sensor.core.row cimport SYN, Row, acknowledged, cut_off
from sensor.native.kept cimport BROKEN, GOES_ON, Copy, Stream, about, copied, discard, frame_of
from sensor.native.out cimport ENDED, EMPTY, Mark, Out, mark, reserve, write, undo

cdef enum:
    HELD_SEGMENTS = 16
    HELD_BYTES = 64 * 1024
    REPEATED_BYTES = 1 << 26
    LATE_SEGMENTS = 3      # as many duplicate ACKs as trigger a retransmission (RFC 5681, 3.2)
    LATE_BYTES = 0xFFFE    # larger gaps are not waited for
    NONE = -1


cdef class NativeStream:
    pass


cdef class Conversations:
    def __cinit__(self, int conversations, int64_t held, int64_t memory):
        """Limits: ``conversations``: number of flows; ``held``: bytes of out-of-order segments in all of them together;
        ``memory``: bytes of all data that is kept.
        """
        cdef uint64_t places = 1
        if conversations < 1:
            raise ValueError(f"{conversations} conversations: at least 1")
        while places < 2 * <uint64_t>conversations:
            places *= 2
        self.room, self.mask, self.held_limit, self.memory_limit = conversations, places - 1, held, memory
        self.all = <Conversation*>calloc(conversations, sizeof(Conversation))
        self.places = <int32_t*>malloc(places * sizeof(int32_t))
        if self.all == NULL or self.places == NULL:
            raise MemoryError(f"{conversations} conversations")
        memset(self.places, 0xFF, places * sizeof(int32_t))
        self.free = self.oldest = self.newest = NONE
        for i in reversed(range(conversations)):
            self.all[<int>i].chained, self.free = self.free, i
        self.kept = []

    def __dealloc__(self):
        cdef int32_t i
        if self.all != NULL:
            for i in range(self.room):
                if self.all[i].used:
                    self.empty(&self.all[i])
        free(self.all)
        free(self.places)

    def __len__(self):
        return sum(self.all[i].used for i in range(self.room))

    def add(self, NativeStream native, interest):
        """Add a dissector, which wants the rows of its Interest. Returns its number."""
        cdef Unit* unit
        if self.count == UNITS_LIMIT or len(interest.starts) > STARTS_LIMIT or interest.magic:
            raise ValueError(
                f"a native dissector of streams has at most {STARTS_LIMIT} starts and no magic; {UNITS_LIMIT} at most"
            )
        unit = &self.units[self.count]
        unit.feed = native.feed
        unit.gap = native.gap
        unit.finish = native.finish
        unit.release = native.release
        unit.size = native.size
        unit.opening = interest.opening
        for i, start in enumerate(interest.starts):
            unit.start_size[<int>i] = len(start)
            memcpy(&unit.start[<int>i][0], <const uint8_t*><const char*>start, len(start))
        unit.starts = len(interest.starts)
        self.kept.append(native)
        self.count += 1
        return self.count - 1

    cdef int segment(self, int unit, const Row* row, const uint8_t* frame, Out* out) except -1 nogil:
        """Pass a segment to a dissector; returns DONE if it wants no more of the flow, and its decision for others."""
        cdef Conversation* c = self.find(row.flow, unit)
        cdef uint32_t before = out.entries_used
        cdef int broken, others
        if c == NULL:
            c = self.open(row.flow, unit)
        else:
            self.touch(c)
            if not row.begins & 1 and c.stream.idle[row.direction & 1]:
                return c.stream.others
        c.stream.out = out
        out.unit = unit + 1
        broken = self.arrive(c, row, frame)
        others = c.stream.others
        if out.entries_used == before:
            reserve(out)
            write(out, EMPTY, 0, 0)
        out.unit = 0
        if broken or c.stream.done:
            self.close(c)
            return DONE if broken else DONE | others
        while self.memory > self.memory_limit and self.all[self.oldest].flow != row.flow:
            self.evicted += 1
            self.close(&self.all[self.oldest])
        return others

    cdef int ended(self, uint64_t flow, Out* out) except -1 nogil:
        """The flow ended: deliver the held segments with their gaps, then finish the dissectors."""
        cdef Conversation* c
        cdef Mark here
        cdef int unit
        for unit in range(self.count):
            c = self.find(flow, unit)
            if c == NULL:
                continue
            c.stream.out = out
            out.unit = unit + 1
            reserve(out)
            here = mark(out)
            write(out, ENDED, 0, 0)
            out.entries[here.entries].flow = flow
            self.finish(c)
            out.entries[here.entries].size = out.entries_used - here.entries - 1
            if out.entries[out.entries_used - 1].what == ENDED:
                undo(out, &here)
            out.unit = 0
            self.close(c)
        return 0

    # The pool.

    # follows indexes of its own tables
    cdef Conversation* find(self, uint64_t flow, int unit) noexcept nogil:
        cdef int32_t at = self.places[place_of(flow, unit) & self.mask]
        while at != NONE:
            if self.all[at].flow == flow and self.all[at].unit == unit:
                return &self.all[at]
            at = self.all[at].chained
        return NULL

    cdef Conversation* open(self, uint64_t flow, int unit) except NULL nogil:
        cdef uint64_t place = place_of(flow, unit) & self.mask
        cdef Conversation* c
        cdef int32_t at
        if self.free == NONE:
            self.evicted += 1
            self.close(&self.all[self.oldest])
        at = self.free
        c = &self.all[at]
        self.free = c.chained
        memset(c, 0, sizeof(Conversation))
        c.flow, c.unit, c.used, c.older, c.newer = flow, <uint16_t>unit, True, self.newest, NONE
        c.chained, self.places[place] = self.places[place], at
        if self.newest != NONE:
            self.all[self.newest].newer = at
        else:
            self.oldest = at
        self.newest = at
        c.stream.memory = &self.memory
        c.stream.state = calloc(1, self.units[unit].size)
        if c.stream.state == NULL:
            with gil:
                raise MemoryError("a conversation")
        return c

    cdef int close(self, Conversation* c) except -1 nogil:
        """Free the flow's entry."""
        cdef int32_t at = <int32_t>(c - self.all)
        cdef int32_t* link = &self.places[place_of(c.flow, c.unit) & self.mask]
        while link[0] != at:
            link = &self.all[link[0]].chained
        link[0] = c.chained
        self.unlink(c)
        self.empty(c)
        c.used = False
        c.chained, self.free = self.free, at
        return 0

    cdef int empty(self, Conversation* c) except -1 nogil:
        """Free all memory of the flow."""
        cdef int way
        for way in range(2):
            self.drop(&c.ways[way])
            free(c.ways[way].held)
            c.ways[way].held = NULL
        if c.stream.state != NULL:
            self.units[c.unit].release(&c.stream)
            free(c.stream.state)
            c.stream.state = NULL
        return 0

    cdef int touch(self, Conversation* c) except -1 nogil:
        """Mark as the most recently used."""
        cdef int32_t at = <int32_t>(c - self.all)
        if at == self.newest:
            return 0
        self.unlink(c)
        c.older, c.newer = self.newest, NONE
        self.all[self.newest].newer = at
        self.newest = at
        return 0

    cdef int unlink(self, Conversation* c) except -1 nogil:
        if c.older != NONE:
            self.all[c.older].newer = c.newer
        else:
            self.oldest = c.newer
        if c.newer != NONE:
            self.all[c.newer].older = c.older
        else:
            self.newest = c.older
        return 0

    # Reassembly.

    cdef bint begins(self, Unit* unit, const uint8_t* payload, uint32_t size) noexcept nogil:  # compares sizes first
        cdef int i
        for i in range(unit.starts):
            if size >= unit.start_size[i] and memcmp(payload, &unit.start[i][0], unit.start_size[i]) == 0:
                return True
        return False

    cdef int arrive(self, Conversation* c, const Row* row, const uint8_t* frame) except -1 nogil:
        """Process one segment. Repeated bytes are dropped, early ones held. A gap is skipped when too much data waits
        after it, when the other end has acknowledged it, or when a message begins after bytes that no dissector wanted;
        bytes before a message that are missing from the capture may arrive late, until some more segments have arrived
        or the other end continues.
        """
        cdef int at = row.direction & 1
        cdef Direction* way = &c.ways[at]
        cdef Direction* other = &c.ways[1 - at]
        cdef Unit* unit = &self.units[c.unit]
        cdef uint32_t seq = row.seq + 1 if row.tcp_flags & SYN else row.seq
        cdef uint32_t late = row.spare if row.spare <= LATE_BYTES else 0
        cdef int32_t ahead
        cdef bint begins = not way.begun
        while other.count and (other.held[0].begins or reached(row, frame, other.held[0].seq)):
            if self.skip(c, 1 - at) == BROKEN:
                return BROKEN
        if not way.begun:
            way.begun, way.next = True, seq - late
        ahead = <int32_t>(seq - way.next)
        if ahead > 0:
            begins = begins or (unit.opening and self.begins(unit, frame + row.payload, row.payload_len))
            self.hold(way, seq, row, frame, begins)
            if (begins and late == 0) or (way.held[0].begins and way.count > LATE_SEGMENTS):
                while way.count:
                    if self.skip(c, at) == BROKEN:
                        return BROKEN
            elif way.count > HELD_SEGMENTS or way.held_bytes > HELD_BYTES or self.held > self.held_limit:
                return self.skip(c, at)
            return GOES_ON
        if ahead < -REPEATED_BYTES:
            self.drop(way)
            if self.miss(c, at, <uint32_t>ahead, row, frame, NULL) == BROKEN:
                return BROKEN
            way.next = seq
        if self.deliver(c, at, seq, row, frame, NULL) == BROKEN:
            return BROKEN
        return self.drain(c, at)

    cdef int hold(
        self, Direction* way, uint32_t seq, const Row* row, const uint8_t* frame, bint begins
    ) except -1 nogil:
        cdef int at = way.count
        cdef Copy* packet
        if way.held == NULL:
            way.held = <Early*>calloc(HELD_SEGMENTS + 1, sizeof(Early))
            if way.held == NULL:
                with gil:
                    raise MemoryError("segments")
        packet = copied(&self.memory, NULL, row, frame)
        while at and <int32_t>(way.held[at - 1].seq - seq) > 0:
            way.held[at] = way.held[at - 1]
            at -= 1
        way.held[at].seq, way.held[at].packet, way.held[at].begins = seq, packet, begins
        way.count += 1
        way.held_bytes += row.payload_len
        self.held += row.payload_len
        return 0

    cdef int drop(self, Direction* way) except -1 nogil:
        """Drop all held segments."""
        cdef int i
        for i in range(way.count):
            discard(&self.memory, way.held[i].packet)
        self.held -= way.held_bytes
        way.count, way.held_bytes = 0, 0
        return 0

    cdef int deliver(
        self, Conversation* c, int way, uint32_t seq, const Row* row, const uint8_t* frame, const Copy* copy
    ) except -1 nogil:
        """Deliver a segment that begins at or before the expected number, then a gap for the bytes that the capture cut
        off its end.
        """
        cdef uint32_t known = c.ways[way].next - seq, end = seq + row.payload_len
        cdef int32_t missing
        cdef Stream* s = &c.stream
        cdef int result = GOES_ON
        if known < row.payload_len and not s.done:
            c.ways[way].next = end
            s.row, s.frame, s.copy = row, frame, copy
            if copy != NULL:
                about(s.out, copy)
            result = self.units[c.unit].feed(s, frame + row.payload + known, row.payload_len - known, way)
            if copy != NULL:
                about(s.out, NULL)
        end += cut_off(row)
        missing = <int32_t>(end - c.ways[way].next)
        if missing <= 0 or s.done or result == BROKEN:
            return result
        c.ways[way].next = end
        return self.miss(c, way, missing, row, frame, copy)

    cdef int drain(self, Conversation* c, int way) except -1 nogil:
        """Deliver held segments that have become due."""
        cdef Direction* held = &c.ways[way]
        cdef Early one
        cdef int result
        while held.count and <int32_t>(held.held[0].seq - held.next) <= 0:
            one = held.held[0]
            held.count -= 1
            memmove(held.held, held.held + 1, held.count * sizeof(Early))
            held.held_bytes -= one.packet.row.payload_len
            self.held -= one.packet.row.payload_len
            result = self.deliver(c, way, one.seq, &one.packet.row, frame_of(one.packet), one.packet)
            discard(&self.memory, one.packet)
            if result == BROKEN:
                return BROKEN
        return GOES_ON

    cdef int skip(self, Conversation* c, int way) except -1 nogil:
        """Give up the bytes before the first held segment."""
        cdef Early* first = &c.ways[way].held[0]
        cdef int32_t missing = <int32_t>(first.seq - c.ways[way].next)
        c.ways[way].next = first.seq
        if self.miss(c, way, missing, &first.packet.row, frame_of(first.packet), first.packet) == BROKEN:
            return BROKEN
        return self.drain(c, way)

    cdef int miss(
        self, Conversation* c, int way, int64_t missing, const Row* row, const uint8_t* frame, const Copy* copy
    ) except -1 nogil:
        cdef Stream* s = &c.stream
        cdef int result
        s.row, s.frame, s.copy = row, frame, copy
        if copy != NULL:
            about(s.out, copy)
        result = self.units[c.unit].gap(s, missing, way)
        if copy != NULL:
            about(s.out, NULL)
        return result

    cdef int finish(self, Conversation* c) except -1 nogil:
        cdef int way
        for way in range(2):
            while c.ways[way].count:
                if self.skip(c, way) == BROKEN:
                    return BROKEN
        c.stream.row, c.stream.frame, c.stream.copy = NULL, NULL, NULL
        return self.units[c.unit].finish(&c.stream)


cdef inline bint reached(const Row* row, const uint8_t* frame, uint32_t seq) noexcept nogil:  # arithmetic only
    """Whether the sender of a segment has received the bytes of the other end before ``seq``."""
    cdef int64_t number = acknowledged(row, frame)
    return number >= 0 and <int32_t>(<uint32_t>number - seq) >= 0


cdef inline uint64_t place_of(uint64_t flow, int unit) noexcept nogil:  # arithmetic only
    return (flow * <uint64_t>0x9E3779B97F4A7C15 + <uint64_t>unit * <uint64_t>0xC2B2AE3D27D4EB4F) >> 24
