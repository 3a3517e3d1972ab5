# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Reassembly: the TCP segments of one followed flow, in order, for one stream dissector. Memory is limited per flow and
in total, and the wait for missing segments is limited: what does not come is a gap.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

HELD_SEGMENTS = 16
LATE_SEGMENTS = 3
HELD_BYTES = 64 * 1024
# no retransmission is further behind: the sequence numbers restarted, or over 2 GiB were skipped
REPEATED_BYTES = 1 << 26

cdef enum:
    MOST_SEGMENTS = 16
    MOST_BYTES = 64 * 1024
    MOST_REPEATED = 1 << 26
    MOST_LATE = 3              # as many duplicate ACKs as trigger a retransmission (RFC 5681, 3.2)
    MOST_LATE_BYTES = 0xFFFE   # larger gaps are not waited for
    SYN = 0x02


cdef inline int64_t ahead_of(uint32_t seq, uint32_t reference) noexcept:  # arithmetic only
    """Distance of ``seq`` ahead of ``reference`` modulo 2**32 (RFC 9293, 3.4); negative: behind."""
    return <int32_t>(seq - reference)


cdef class Room:
    """Bytes of out-of-order segments in all flows together: ``held`` of at most ``most``. Beyond that, missing segments
    are not waited for.
    """

    def __init__(self, Py_ssize_t most):
        self.held, self.most = 0, most


cdef class Direction:
    """The data of one end: the expected sequence number, and out-of-order segments, sorted."""

    def __init__(self, Room room):
        self.room, self.held = room, []

    cdef int hold(self, uint32_t seq, object packet, bint begins) except -1:
        cdef Py_ssize_t at = len(self.held)
        while at and ahead_of(self.held[at - 1][0], seq) > 0:
            at -= 1
        self.held.insert(at, (seq, packet, begins))
        return self.count(len(packet.payload))

    cdef bint full(self) except -1:
        return len(self.held) > MOST_SEGMENTS or self.held_bytes > MOST_BYTES or self.room.held > self.room.most

    cdef tuple release(self):
        cdef tuple first = self.held.pop(0)
        self.count(-len(first[1].payload))
        return first

    cdef int drop(self) except -1:
        """Drop all held segments."""
        self.held.clear()
        return self.count(-self.held_bytes)

    cdef int count(self, Py_ssize_t size) except -1:
        self.held_bytes += size
        self.room.held += size
        return 0


cdef class Assembler:
    """The reassembly of one flow for one stream dissector."""

    def __init__(self, stream, interest, Room room):
        """``room`` is shared with all other assemblers."""
        self.stream, self.interest = stream, interest
        self.client, self.server = Direction(room), Direction(room)

    def feed(self, packet):
        """Feed one segment of the flow; yields its messages lazily. Repeated bytes are dropped, out-of-order segments
        held. A gap is skipped when too much data waits after it, when the other end has acknowledged it, or when a
        message begins after bytes that no dissector wanted; bytes before a message that are missing from the capture
        (``late``) may arrive late, until some more segments have arrived or the other end continues.
        """
        cdef bytes payload = packet.payload
        cdef Direction way = self.server if packet.direction else self.client
        cdef Direction other = self.client if packet.direction else self.server
        cdef uint32_t seq = packet.seq
        cdef bint first = not way.begun
        if not payload:
            return ()
        if packet.tcp_flags & SYN:  # SYN takes one sequence number; data may come with it (RFC 7413)
            seq += 1
        if self.late > MOST_LATE_BYTES:
            self.late = 0
        if first:
            way.begun, way.next = True, seq - self.late
        if seq == way.next and not way.held and not other.held:  # nearly always
            return self.deliver(way, seq, packet)
        return self._out_of_order(way, other, seq, packet, first)

    def _out_of_order(self, Direction way, Direction other, uint32_t seq, packet, bint begins):
        cdef int64_t ahead
        while other.held and (other.held[0][2] or (packet.ack >= 0 and ahead_of(packet.ack, other.held[0][0]) >= 0)):
            yield from self._skip(other)
        ahead = ahead_of(seq, way.next)
        if ahead > 0:
            begins = begins or (self.interest.opening and self.interest.begins(packet.payload))
            way.hold(seq, packet, begins)
            if (begins and not self.late) or (way.held[0][2] and len(way.held) > MOST_LATE):
                while way.held:
                    yield from self._skip(way)
            elif way.full():
                yield from self._skip(way)
            return
        if ahead < -MOST_REPEATED:
            way.drop()
            yield from self.stream.gap(packet, ahead & 0xFFFFFFFF, way is self.client)
            way.next = seq
        yield from self.deliver(way, seq, packet)
        yield from self._drain(way)

    def finish(self):
        """The flow ended: deliver the held segments with their gaps, then finish the stream."""
        cdef Direction way
        for way in (self.client, self.server):
            while way.held:
                yield from self._skip(way)
        yield from self.stream.finish()

    def drop(self):
        """The flow is no longer dissected: drop the held segments unread."""
        self.client.drop()
        self.server.drop()

    cdef object deliver(self, Direction way, uint32_t seq, packet):
        """The messages in those bytes of a segment that were not read yet."""
        cdef Py_ssize_t known = -ahead_of(seq, way.next)
        cdef bytes data = packet.payload
        cdef uint32_t cut = packet.cut_off
        if cut:
            return self._cut_off(way, seq, packet, known, cut)
        if known:
            data = data[known:]
        if not data or self.stream.done:
            return ()
        way.next = seq + <uint32_t>(known + len(data))
        return self.stream.feed(packet, data, way is self.client)

    def _cut_off(self, Direction way, uint32_t seq, packet, Py_ssize_t known, uint32_t cut):
        """The same for a segment whose last bytes were not captured, and the gap of these bytes."""
        cdef bytes data = packet.payload[known:]
        cdef uint32_t end = seq + <uint32_t>len(packet.payload)
        cdef int64_t missing
        if data and not self.stream.done:
            way.next = end
            yield from self.stream.feed(packet, data, way is self.client)
        end += cut
        missing = ahead_of(end, way.next)
        if missing > 0 and not self.stream.done:
            way.next = end
            yield from self.stream.gap(packet, missing, way is self.client)

    def _drain(self, Direction way):
        while way.held and ahead_of(way.held[0][0], way.next) <= 0:
            seq, packet, _ = way.release()
            yield from self.deliver(way, seq, packet)

    def _skip(self, Direction way):
        """Give up the bytes before the first held segment."""
        seq, packet, _ = way.held[0]
        cdef int64_t missing = ahead_of(seq, way.next)
        way.next = seq
        yield from self.stream.gap(packet, missing, way is self.client)
        yield from self._drain(way)
