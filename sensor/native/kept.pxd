# A TCP flow as a native stream dissector sees it, and the data that is kept beyond its batch.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sensor.core.row cimport Row
from sensor.native.out cimport Out

cdef enum:
    # Results of a dissector's functions. BROKEN: the message was malformed, which the dissector has reported; the flow
    # is dropped.
    GOES_ON = 0
    BROKEN = 1
    # Values of ``Stream.others``. UNDECIDED: not yet.
    UNDECIDED = 0
    FOLLOW = 1
    NEVER = 2

cdef struct HeldBytes:          # bytes kept beyond their batch
    uint8_t* data
    uint32_t size
    uint32_t room

cdef struct Copy:          # copy of a packet; its frame follows
    Row row
    uint32_t size          # of the frame
    uint32_t room

# One flow as seen by one dissector. During calls of its functions, ``row`` and ``frame`` are those of the packet that
# completed the bytes (NULL at the end of the flow), ``copy`` is that packet if it was held back, else NULL.
cdef struct Stream:
    void* state
    bint done
    uint8_t others         # whether dissectors that follow after this one (Interest.after) get the flow
    bint[2] idle           # for data of the client, of the server
    Out* out
    const Row* row
    const uint8_t* frame
    const Copy* copy
    int64_t* memory        # bytes kept by all flows together


cdef int keep(Stream* s, HeldBytes* kept, const uint8_t* data, uint32_t size) except -1 nogil
cdef int forget(Stream* s, HeldBytes* kept) except -1 nogil
cdef Copy* copied(int64_t* memory, Copy* old, const Row* row, const uint8_t* frame) except NULL nogil
cdef int discard(int64_t* memory, Copy* copy) except -1 nogil
cdef int about(Out* out, const Copy* packet) except -1 nogil
cdef int malformed(Out* out, const char* fault) except -1 nogil


cdef inline const uint8_t* frame_of(const Copy* packet) noexcept nogil:  # arithmetic only
    return <const uint8_t*>packet + sizeof(Copy)
