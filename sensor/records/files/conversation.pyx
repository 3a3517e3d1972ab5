# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A connection that may transfer files: the segments of each direction in order (RFC 9293, 3.4). Repeated bytes are
dropped, out-of-order segments held.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from sensor.core.packet import Packets

cdef enum:
    HELD_SEGMENTS = 32     # held out-of-order segments, before the missing ones are skipped
    HELD_BYTES = 64 * 1024


cdef class BytesSource:
    """The source of bytes: a row of the current batch, or a packet that was held."""

    def __init__(self, packets, Py_ssize_t index):
        self.packets, self.index = packets, index

    cpdef object packet(self):
        """The packet, created on demand."""
        return self.packets.at(self.index) if isinstance(self.packets, Packets) else self.packets


cdef class Conversation:
    """``over``: no more data of it is wanted; ``paused``: none is wanted until an HTTP message begins."""

    def __init__(self, emit, Budget budget not None):
        """``emit``: called with each completed file."""
        self.emit, self.budget, self.early = emit, budget, [[], []]
        self.over = self.paused = False

    cpdef int segment(self, int way, uint32_t seq, bytes data, object packets, Py_ssize_t index) except -1:
        """``way``: 0 from the client of the connection, 1 from its server."""
        cdef int32_t ahead
        cdef BytesSource place = BytesSource.__new__(BytesSource)
        place.packets, place.index = packets, index
        way &= 1
        if not self.begun[way]:
            self.begun[way], self.due[way] = True, seq
        ahead = <int32_t>(seq - self.due[way])
        if ahead > 0:
            self.hold(way, seq, data, place)
            if len(<list>self.early[way]) > HELD_SEGMENTS or self.held[way] > HELD_BYTES:
                self.skip(way)
        elif -<int64_t>ahead < len(data):
            self.read(way, data[-ahead:] if ahead else data, place)
            if self.held[way]:
                self.drain(way)
        return 0

    cdef int hold(self, int way, uint32_t seq, bytes data, BytesSource place) except -1:
        (<list>self.early[way]).append((seq, data, BytesSource(place.packet(), 0)))
        self.held[way] += len(data)
        return 0

    cdef int drain(self, int way) except -1:
        """Deliver held segments that have become due."""
        cdef list early = self.early[way]
        cdef int32_t known
        cdef uint32_t seq
        cdef bint moved = True
        while moved:
            moved = False
            for at in range(len(early)):
                seq, data, place = early[at]
                known = <int32_t>(self.due[way] - seq)
                if known >= 0:
                    del early[at]
                    self.held[way] -= len(data)
                    if known < len(data):
                        self.read(way, data[known:], place)
                    moved = True
                    break
        return 0

    cdef int skip(self, int way) except -1:
        """Give up the bytes before the first held segment."""
        cdef list early = self.early[way]
        cdef int64_t nearest = 1 << 32, ahead
        for seq, _, _ in early:
            ahead = <uint32_t>(<uint32_t>seq - self.due[way])
            nearest = min(nearest, ahead)
        self.due[way] += <uint32_t>nearest
        self.gap(way, nearest)
        return self.drain(way)

    cdef int read(self, int way, bytes data, BytesSource place) except -1:
        """Process the next bytes."""
        self.due[way] += <uint32_t>len(data)
        if not (self.over or self.paused):
            self.feed(way, data, place)
        return 0

    def closed(self, int way, uint32_t seq, bint reset):
        """One direction ends at ``seq``; ``reset``: both do."""
        cdef int side
        for side in range(2):
            if reset or side == way:
                while self.early[side]:
                    self.skip(side)
                self.ended(side, not reset and (not self.begun[side] or self.due[side] == seq))
        self.over = self.over or reset

    def finish(self):
        """The flow is over."""
        cdef int side
        for side in range(2):
            while self.early[side]:
                self.skip(side)
            self.ended(side, False)

    def restart(self, int way, uint32_t seq):
        """Resynchronize both directions; this one continues at ``seq``."""
        self.paused, self.early = False, [[], []]
        self.begun[0] = self.begun[1] = False
        self.held[0] = self.held[1] = 0
        self.begun[way & 1], self.due[way & 1] = True, seq

    cpdef feed(self, int way, bytes data, BytesSource place):
        """The next bytes of a direction."""
        raise NotImplementedError

    def gap(self, int way, int64_t missing):
        """``missing`` bytes of a direction were not captured."""
        raise NotImplementedError

    def ended(self, int way, bint whole):
        """A direction ended; ``whole``: all of its bytes were seen."""
        raise NotImplementedError
