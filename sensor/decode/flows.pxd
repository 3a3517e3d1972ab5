# The flow table.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.change cimport Change
from sensor.core.row cimport Row

# What finding a flow needs, apart from the flow itself: eight of them fill one cache line, which is one probe.
ctypedef packed struct Mark:
    uint32_t tag     # hash of the key; 0: empty
    uint32_t stamp   # seconds since the table began, and in the low two bits the age class

# End 0 is the lower of the two (address, port) pairs; arrays of two hold what end 0 sent, then what end 1 sent.
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
    uint8_t fins         # which ends sent one, UNASKED, BEGUN, and PIECES
    uint8_t heads0       # of the payloads looked at, each way: their weight
    uint8_t heads1
    uint8_t grade        # how many times its progress was reported
    uint32_t next0       # the number that the next payload begins with, each way; 0: not known
    uint32_t next1       # with this, two cache lines

cdef enum:
    # payloads of each direction that are looked at to recognise a stream, or as many small ones as weigh as much
    HEADS = 4
    WEIGHT = 63      # of a payload: one for every 16 bytes, at most this
    CHUNK = 16       # rows whose cache lines are asked for together
    ENDED = 4        # Change.kind of the end of a flow
    UNASKED = 4      # among ``fins``: the server spoke first
    BEGUN = 8        # among ``fins``: the first packet was SYN or its answer
    PIECES = 16      # among ``fins``: an opening came in small pieces, or its first bytes late
    FURTHEST = 1 << 30  # bytes before or behind what is due: beyond every window (RFC 7323, 2.3)

cdef struct Key:
    uint64_t hi0
    uint64_t lo0
    uint64_t hi1
    uint64_t lo1
    uint64_t hash
    uint16_t port0
    uint16_t port1
    uint8_t end      # which end sent this packet

cdef class FlowTable:
    cdef readonly object slots
    cdef Slot[::1] table
    cdef Mark[::1] marks
    cdef uint64_t[::1] deaf          # by place: dissectors that want no more of the flow there, as far as is known here
    cdef Key[CHUNK] keys             # of the rows expected next
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
    cdef int release(self, Py_ssize_t at) except -1 nogil
    cdef int locate(self, Row* row, Key* key) except -2 nogil
    cdef int open(self, Row* row, Key* key, Py_ssize_t at, int32_t index) except -1 nogil
    cdef int advance(self, Row* row, Slot* slot, int end, int32_t index) except -1 nogil
    cdef int over(self, Row* row, Slot* slot, int reason, int32_t index) except -1 nogil
    cdef int close(self, Slot* slot, int reason, int64_t ts, int32_t index, int32_t at) except -1 nogil
    cdef int record(self, Slot* slot, int kind, int reason, int64_t ts, int32_t index, int32_t at) except -1 nogil
    cdef uint32_t stamp(self, int64_t ts, int age_class) except? 0xFFFFFFFF nogil


cdef inline void await_payload(Slot* slot, int direction, uint32_t number) noexcept nogil:  # assignments only
    """Note the number that the next payload of a direction begins with."""
    if direction == 0:
        slot.next0 = number
    else:
        slot.next1 = number


cdef inline bint outside(Slot* slot, int direction, uint32_t number) noexcept nogil:  # arithmetic only
    """Whether a sequence number lies outside of every window, so that its receiver drops the segment (RFC 9293, 3.4).
    """
    cdef uint32_t due = slot.next1 if direction else slot.next0
    cdef int32_t ahead = <int32_t>(number - due)
    return due != 0 and (ahead >= FURTHEST or ahead <= -FURTHEST)
