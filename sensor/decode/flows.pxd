# The flow table.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.change cimport Change
from sensor.core.row cimport FOREIGN_RESET, RST, Row

# The fields needed to find a flow, separate from the flow itself: eight of them fill one cache line, which is one
# probe. A mark has a place, given by the hash of the flow; its slot may be any.
ctypedef packed struct Mark:
    uint32_t tag     # hash of the key; 0: empty
    uint32_t stamp   # seconds since the table was created, and in the low CLASS_BITS the age class

# End 0 is the lower of the two (address, port) pairs; arrays of two hold the values of packets from end 0, then from
# end 1.
ctypedef packed struct Slot:
    uint64_t uid
    uint64_t hi0
    uint64_t lo0
    uint64_t hi1
    uint64_t lo1
    uint64_t mac0
    uint64_t mac1
    int64_t first
    int64_t last
    uint64_t bytes0
    uint64_t bytes1
    uint64_t followers
    uint32_t packets0
    uint32_t packets1
    uint16_t port0
    uint16_t port1
    uint16_t vlan
    uint16_t source
    uint8_t proto
    uint8_t state
    uint8_t client
    uint8_t answered
    uint8_t fins         # which ends sent a FIN, UNASKED, BEGUN, PIECES, TWICE of each end, and MOVED
    uint8_t heads0       # weight of the payloads inspected so far, per direction
    uint8_t heads1
    uint8_t grade        # number of progress reports
    uint32_t next0       # sequence number of the next payload, per direction; 0: unknown
    uint32_t next1       # together with this, two cache lines

cdef enum:
    # payloads of each direction that are inspected to recognize a stream; small ones count in proportion
    HEADS = 4
    WEIGHT = 63      # weight of a payload: one for every 16 bytes, at most this
    CHUNK = 16       # rows whose cache lines are prefetched together
    ENDED = 4        # Change.kind of the end of a flow
    UNASKED = 4      # bit of ``fins``: the server sent first
    BEGUN = 8        # bit of ``fins``: the first packet was a SYN or SYN/ACK
    PIECES = 16      # bit of ``fins``: an opening came in small pieces, or its first bytes came late
    TWICE = 32       # bit of ``fins``: the frames of end 0 were captured twice; of end 1: the next bit
    MOVED = 128      # bit of ``fins``: an end sent from two MACs, as behind two routers, or seen on both sides of one
    COPIED_NS = 50000000  # a SYN captured again within this time is a copy: hosts send it again later (RFC 6298, 2)
    FURTHEST = 1 << 30  # bytes before or after the expected sequence number: beyond every window (RFC 7323, 2.3)

cdef struct Key:
    uint64_t hi0
    uint64_t lo0
    uint64_t hi1
    uint64_t lo1
    uint64_t hash
    uint16_t port0
    uint16_t port1
    uint8_t end      # the end that sent this packet

cdef class FlowTable:
    cdef readonly object slots
    cdef Slot[::1] table
    cdef Mark[::1] marks
    cdef uint32_t[::1] slot_at       # by place of a mark: the slot of the flow
    cdef uint64_t free               # the slot freed last, plus one; its ``hi0`` is the next free one; 0: none
    cdef uint64_t used               # slots that had a flow so far
    cdef uint64_t[::1] unfollowed  # by slot: dissectors that want no more of the flow, as far as the kernels know
    cdef Key[CHUNK] keys             # of the next rows
    cdef bint[CHUNK] wanted
    cdef Change[::1] changes
    cdef object change_rows
    cdef Py_ssize_t changed
    cdef uint64_t mask
    cdef uint64_t next_uid
    cdef int64_t began
    cdef uint64_t swept
    cdef readonly uint64_t opened, evicted, active
    cdef int expect(self, Row[::1] rows, Py_ssize_t start, Py_ssize_t stop) except -1 nogil
    cdef int follow_row(self, Row* row, int place, int32_t index) except -1 nogil
    cdef int age(self, int64_t now) except -1 nogil
    cdef int grow(self) except -1
    cdef int let_go(self, Py_ssize_t slot, uint64_t uid, uint64_t followers) except -1 nogil
    cdef int finish_part(self, int64_t now, int part) except -1 nogil
    cdef int packet(self, Row* row, Key* key, int32_t index) except -1 nogil
    cdef int ahead(self, Key* key) except -1 nogil
    cdef int release(self, Py_ssize_t place) except -1 nogil
    cdef bint ends_before(self, Row* row, int place, int32_t index) except -1 nogil
    cdef int locate(self, Row* row, Key* key) except -2 nogil
    cdef int open(self, Row* row, Key* key, Py_ssize_t at, int32_t index) except -1 nogil
    cdef int advance(self, Row* row, Slot* slot, int end, int32_t index) except -1 nogil
    cdef int over(self, Row* row, int reason, int32_t index) except -1 nogil
    cdef int close(self, int32_t at, int reason, int64_t ts, int32_t index) except -1 nogil
    cdef int32_t unused(self) except -1 nogil
    cdef int record(self, Slot* slot, int kind, int reason, int64_t ts, int32_t index, int32_t at) except -1 nogil
    # arithmetic only
    cdef uint32_t stamp(self, int64_t ts, int age_class) noexcept nogil


cdef inline void await_payload(Slot* slot, int direction, uint32_t number) noexcept nogil:  # assignments only
    """Record the sequence number of the next payload of a direction."""
    if direction == 0:
        slot.next0 = number
    else:
        slot.next1 = number


cdef inline void foreign(Row* row, Slot* slot, int end) noexcept nogil:  # assignments only
    """A packet from another MAC than the first one of its end: an injected reset, or another path."""
    if row.proto != 6 or not row.tcp_flags & RST:
        slot.fins |= MOVED
    elif not slot.fins & MOVED and row.src_mac and (slot.packets0 if end == 0 else slot.packets1) > 1:
        row.problem |= FOREIGN_RESET


cdef inline bint outside(Slot* slot, int direction, uint32_t number) noexcept nogil:  # arithmetic only
    """Whether a sequence number lies outside every possible window, so that the receiver drops the segment (RFC 9293,
    3.4).
    """
    cdef uint32_t due = slot.next1 if direction else slot.next0
    cdef int32_t ahead = <int32_t>(number - due)
    return due != 0 and (ahead >= FURTHEST or ahead <= -FURTHEST)
