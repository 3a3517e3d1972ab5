# The select pass.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from sensor.core.recent cimport RecentSet
from sensor.core.row cimport Row
from sensor.decode.flows cimport FlowTable, Slot
from sensor.decode.openings cimport Openings

cdef enum:
    MAGICS = 64        # rules on bytes within a payload
    BUDGETS = 16384    # slots for budgets: of two hosts and a dissector
    BUDGETS_SHIFT = 50

cdef packed struct Lead:
    uint32_t first     # bytes 0 to 3 of the payload
    uint32_t second    # bytes 4 to 7, under ``mask``
    uint32_t mask
    uint32_t used      # 1: this slot holds a rule
    uint64_t bits      # of datagram dissectors
    uint64_t streams   # of stream dissectors

cdef struct Magic:
    uint32_t offset
    uint32_t value
    uint64_t bits


cdef struct Magics:
    int count
    Magic[MAGICS] rules  # sorted by offset


cdef struct Repeats:
    uint64_t bits      # dissectors that drop repeats
    int64_t[64] windows
    int32_t[64] first  # volatile bytes
    int32_t[64] stop


cdef struct QuietFlows:      # of dissectors that follow quiet flows from a certain age
    uint64_t bits
    int64_t[64] age        # ns
    uint64_t[64] bytes     # most at age 0, and more for each second
    uint64_t[64] rate


cdef struct Budget:
    uint64_t key       # hosts and dissector
    uint32_t second    # of packet time
    uint32_t used


cdef struct Heads:
    uint32_t second    # of packet time
    uint32_t met       # new ones in this second; beyond the limit estimated from a sample
    uint32_t left      # total left out since the start
    uint32_t taken
    uint32_t most      # limit in this second


cdef class Selector:
    cdef uint64_t[::1] udp, tcp, ethertypes, protocols, icmp, icmp6
    cdef Lead[::1] leads
    cdef Magics magics, stream_magics
    cdef uint64_t whole
    cdef Repeats frames, messages
    cdef QuietFlows quiet_flows
    cdef uint64_t head_bits        # of frame dissectors that want TCP headers
    cdef int64_t head_window
    cdef Heads opening, odd        # SYNs, and segments with invalid flags
    cdef Openings openings
    cdef Heads newcomers           # senders never seen before, of frames and datagrams
    # known senders, and those seen once during a flood of new senders
    cdef readonly RecentSet senders, deferred
    # a separate table, so that a flood of spoofed senders does not evict repeats of others
    cdef readonly RecentSet head_senders
    # stream dissectors that want one more payload after this many; HEADS and more: the last
    cdef uint64_t[5] wants
    cdef Budget[BUDGETS] budgets
    cdef RecentSet recent
    cdef object chosen_rows, chosen_bits
    cdef int32_t[::1] chosen
    cdef uint64_t[::1] bits
    cdef readonly uint64_t repeats, shed
    cdef readonly object shed_of   # rows over budget by dissector: by kind of rows and bit
    cdef uint64_t[::1] shed_bits
    cdef uint32_t most
    cdef Py_ssize_t count
    cdef int select_row(self, const uint8_t[::1] data, Row* row, int32_t index, FlowTable flows) except -1 nogil
    cdef int row(self, const uint8_t[::1] data, Row* row, FlowTable flows) except -1 nogil
    cdef uint64_t of_stream(self, const uint8_t[::1] data, Row* row, FlowTable flows) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef uint64_t recognised(self, const uint8_t[::1] data, Row* row, bint stream) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef uint64_t known(self, const uint8_t* payload, uint32_t size, bint stream) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef uint64_t in_pieces(
        self, const uint8_t[::1] data, Row* row, Slot* slot, uint8_t* heads, uint64_t found
    ) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef uint64_t of_head(self, const uint8_t[::1] data, Row* row, int words) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef int admits(self, Row* row) except -1 nogil
    cdef uint64_t within(self, Row* row, uint64_t wanted, int kind, uint64_t whose) except? 0xFFFFFFFFFFFFFFFF nogil
    cdef uint64_t fresh(
        self, const uint8_t[::1] data, Row* row, uint64_t wanted, Repeats* repeats
    ) except? 0xFFFFFFFFFFFFFFFF nogil
