# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Reading: calls the native dissectors of all protocols for the rows chosen for them. Fragments, and datagrams that the
capture truncated, are left to the Python dissectors.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from sensor.core.row cimport CUT, WHOLE, Row
from sensor.decode.flows cimport PIECES, FlowTable
from sensor.decode.row_reader cimport RowReader
from sensor.native.out cimport EMPTY, TAKEN, Messages, Out, reserve, write
from sensor.native.kept cimport FOLLOW
from sensor.native.stream cimport DONE, Conversations
from sensor.native.unit cimport Dissect, Native, Release, State

cdef enum:
    BITS = 64
    TCP = 6
    UDP = 17
    HEAD = 2  # Row.begins: the payload is the TCP header


cdef State state_of(Native unit) except? NULL:
    """A new state of a dissector; NULL if it has none."""
    cdef State state = calloc(1, unit.size) if unit.size else NULL
    if unit.size and state == NULL:
        raise MemoryError(f"{unit.size} bytes for a dissector")
    return state


cdef class Reading(RowReader):
    """``datagrams`` and ``frames``: for each dissector of a kind of rows, in the order of bits, its native dissector or
    None. ``streams``: the native stream dissectors, (bit, name, native, interest, bits of the dissectors that follow
    after it); ``conversations``: their flows. ``names``: of the stream dissectors by number.
    """

    cdef Dissect[BITS] datagrams
    cdef State[BITS] states
    cdef Release[BITS] releases
    cdef Dissect[BITS] frames
    cdef uint64_t datagram_bits, frame_bits, stream_bits
    cdef int[BITS] streams
    cdef uint64_t[BITS] after
    cdef Messages messages
    cdef list units
    cdef readonly list names
    cdef readonly Conversations conversations
    cdef readonly uint64_t taken, punted

    def __init__(self, datagrams, frames, streams=(), Conversations conversations=None):
        self.units = [*datagrams, *frames]  # kept alive
        self.messages, self.conversations = Messages(), conversations
        for bit, unit in enumerate(datagrams):
            if unit is not None:
                self.datagrams[<int>bit] = (<Native?>unit).dissect
                self.datagram_bits |= <uint64_t>1 << <int>bit
                self.states[<int>bit], self.releases[<int>bit] = state_of(unit), (<Native>unit).release
        for bit, unit in enumerate(frames):
            if unit is not None:
                self.frames[<int>bit] = (<Native?>unit).dissect
                self.frame_bits |= <uint64_t>1 << <int>bit

        self.names = [name for _, name, *_ in streams]
        for bit, _, unit, interest, after in streams:
            self.after[<int>bit] = after
            self.streams[<int>bit] = conversations.add(unit, interest)
            self.stream_bits |= <uint64_t>1 << <int>bit

    def __dealloc__(self):
        cdef int bit
        for bit in range(BITS):
            if self.states[bit] != NULL:
                self.releases[bit](self.states[bit])
                free(self.states[bit])

    cdef int read(self, const uint8_t[::1] data, Row* row, int32_t index, FlowTable flows) except -1 nogil:
        cdef Py_ssize_t at = row.frame + row.payload
        cdef bint segment = row.proto == TCP and row.ip_version and row.begins != HEAD
        if row.payload_len == 0 or (not segment and (row.problem & CUT or row.fragment != WHOLE)):
            return 0
        if row.frame < 0 or at + row.payload_len > data.shape[0]:
            with gil:
                raise IndexError(f"bytes {at}+{row.payload_len} of a block of {data.shape[0]}")
        self.messages.out.row = index
        if segment:
            return self.segment(&data[row.frame], row, flows) if row.wanted & self.stream_bits else 0
        return self.message(&data[at], row)

    cdef int message(self, const uint8_t* payload, Row* row) except -1 nogil:
        """Read a datagram or another frame."""
        cdef bint datagram = row.proto == UDP and row.ip_version
        cdef uint64_t left = row.wanted & (self.datagram_bits if datagram else self.frame_bits)
        cdef Dissect* dissect = &self.datagrams[0] if datagram else &self.frames[0]
        cdef int bit = 0
        cdef Out* out = &self.messages.out
        cdef uint32_t before
        while left:
            if left & 1:
                reserve(out)
                before = out.entries_used
                out.state = self.states[bit] if datagram else NULL
                if dissect[bit](payload, row.payload_len, row, out) == TAKEN:
                    row.wanted &= ~(<uint64_t>1 << bit)
                    self.taken += 1
                    if out.entries_used == before:
                        write(out, EMPTY, 0, 0)
                else:
                    self.punted += 1
            left >>= 1
            bit += 1
        return 0

    cdef int segment(self, const uint8_t* frame, Row* row, FlowTable flows) except -1 nogil:
        """Read a TCP segment. A dissector that drops a flow gets none of its rows from the next one on. Flows whose
        opening came in pieces are left to the Python dissectors, for which the pieces are held.
        """
        cdef uint64_t left = row.wanted & self.stream_bits & ~flows.unfollowed[row.slot]
        cdef int bit = 0, found
        if flows.table[row.slot].fins & PIECES:
            return 0
        row.wanted &= ~self.stream_bits
        while left:
            if left & 1:
                self.taken += 1
                found = self.conversations.segment(self.streams[bit], row, frame, &self.messages.out)
                if found & DONE:
                    flows.let_go(row.slot, row.flow, <uint64_t>1 << bit)
                if found & FOLLOW:
                    flows.table[row.slot].followers |= self.after[bit]
            left >>= 1
            bit += 1
        return 0

    cdef int ended(self, uint64_t flow, int32_t index) except -1 nogil:
        if self.stream_bits == 0:
            return 0
        self.messages.out.row = index
        return self.conversations.ended(flow, &self.messages.out)

    def read_rows(self, const uint8_t[::1] data, Row[::1] rows):
        """Read rows other than segments that the caller has decoded and chosen: for tests and benchmarks."""
        cdef Py_ssize_t i
        with nogil:
            for i in range(rows.shape[0]):
                self.read(data, &rows[i], <int32_t>i, None)

    cpdef tuple take(self):
        cdef Messages taken = self.messages
        if taken.out.entries_used == 0:
            return ()
        self.messages = Messages()
        return (taken,)
