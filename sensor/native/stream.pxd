# TCP flows of native dissectors, and the interface of native stream dissectors.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.native.kept cimport Copy, Stream
from sensor.native.out cimport Out

cdef enum:
    UNITS_LIMIT = 16
    STARTS_LIMIT = 64
    DONE = 4  # result of Conversations.segment, with a value of Stream.others

# ``way``: 0 from the client
ctypedef int (*Feed)(Stream* s, const uint8_t* data, uint32_t size, int way) except -1 nogil
ctypedef int (*Gap)(Stream* s, int64_t missing, int way) except -1 nogil
ctypedef int (*Finish)(Stream* s) except -1 nogil   # the flow ended
ctypedef int (*Release)(Stream* s) except -1 nogil  # free the memory of the state


cdef class NativeStream:
    """A native dissector of TCP: ``UNIT`` of its module."""
    cdef Feed feed
    cdef Gap gap
    cdef Finish finish
    cdef Release release
    cdef size_t size       # size of its state in bytes, initially zero


cdef inline NativeStream native_stream(Feed feed, Gap gap, Finish finish, Release release, size_t size):
    cdef NativeStream unit = NativeStream.__new__(NativeStream)
    unit.feed, unit.gap, unit.finish, unit.release, unit.size = feed, gap, finish, release, size
    return unit

cdef struct Early:         # an out-of-order segment
    uint32_t seq
    bint begins            # whether a message begins with it
    Copy* packet

cdef struct Direction:
    uint32_t next          # the expected sequence number
    uint32_t held_bytes
    uint16_t count
    bint begun
    Early* held            # sorted

cdef struct Conversation:
    uint64_t flow
    int32_t older          # linked list by least recent use; -1: none
    int32_t newer
    int32_t chained        # next in the same hash slot, or next free one
    uint16_t unit
    bint used
    Direction[2] ways
    Stream stream

cdef struct Unit:
    Feed feed
    Gap gap
    Finish finish
    Release release
    size_t size
    bint opening           # only openings of messages are wanted
    int starts
    uint8_t[64][8] start
    uint8_t[64] start_size


cdef class Conversations:
    """The flows that native dissectors follow, up to a limit; the least recently active one is evicted."""
    cdef Conversation* all
    cdef int32_t* places
    cdef int32_t room, free, oldest, newest
    cdef uint64_t mask
    cdef Unit[16] units
    cdef int count
    cdef list kept
    cdef int64_t held, held_limit, memory, memory_limit
    cdef readonly uint64_t evicted
    cdef int segment(self, int unit, const Row* row, const uint8_t* frame, Out* out) except -1 nogil
    cdef int ended(self, uint64_t flow, Out* out) except -1 nogil
    # follows indexes of its own tables
    cdef Conversation* find(self, uint64_t flow, int unit) noexcept nogil
    cdef Conversation* open(self, uint64_t flow, int unit) except NULL nogil
    cdef int close(self, Conversation* c) except -1 nogil
    cdef int empty(self, Conversation* c) except -1 nogil
    cdef int touch(self, Conversation* c) except -1 nogil
    cdef int unlink(self, Conversation* c) except -1 nogil
    cdef bint begins(self, Unit* unit, const uint8_t* payload, uint32_t size) noexcept nogil  # compares sizes first
    cdef int arrive(self, Conversation* c, const Row* row, const uint8_t* frame) except -1 nogil
    cdef int hold(self, Direction* way, uint32_t seq, const Row* row, const uint8_t* frame, bint begins) except -1 nogil
    cdef int drop(self, Direction* way) except -1 nogil
    cdef int deliver(
        self, Conversation* c, int way, uint32_t seq, const Row* row, const uint8_t* frame, const Copy* copy
    ) except -1 nogil
    cdef int drain(self, Conversation* c, int way) except -1 nogil
    cdef int skip(self, Conversation* c, int way) except -1 nogil
    cdef int miss(
        self, Conversation* c, int way, int64_t missing, const Row* row, const uint8_t* frame, const Copy* copy
    ) except -1 nogil
    cdef int finish(self, Conversation* c) except -1 nogil
