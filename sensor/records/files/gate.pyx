# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Gate: follows the flows that transfer files, up to a limit; the least recently active ones are evicted. Packets of
all other flows cost a few comparisons.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from sensor.core.change cimport Change
from sensor.core.packet cimport Packets
from sensor.core.row cimport FIN, RST, SYN, Row
from sensor.native.http_head cimport begins
from sensor.records.files.conversation cimport Conversation

cdef enum:
    TCP = 6
    UDP = 17
    HEADER = 2          # Row.begins: the payload is the TCP header
    UNKNOWN = 0         # no file transfer so far
    FOLLOWED = 1        # all segments are wanted
    PAUSED = 2          # no segments are wanted until an HTTP message begins
    OVER = 3
    ENDED = 4           # Change.kind
    FTP = 21
    TFTP = 69
    SMB = 445
    LEAST = 8           # bytes needed to recognize an HTTP message


cdef class Gate:
    def __init__(self, Py_ssize_t flows, transfers):
        """``flows``: slots of the flow table; ``transfers``: sensor.records.files.transfers.Transfers."""
        cdef int i
        self.marks, self.slots, self.transfers = <Mark*>calloc(flows, sizeof(Mark)), flows, transfers
        self.ports, self.open, self.vacant = transfers.ports, [None] * MOST, MOST
        if self.marks == NULL:
            raise MemoryError("marks of file transfers")
        for i in range(MOST):
            self.unused[i] = MOST - 1 - i

    def __dealloc__(self):
        free(self.marks)

    def batch(self, Packets packets not None):
        """Process the packets of one batch, in order."""
        cdef Py_ssize_t i, rows = packets.rows.shape[0]
        cdef const Row* row
        for i in range(rows):
            row = &packets.rows[i]
            if row.frame < 0 or row.frame + row.payload + row.payload_len > packets.data.shape[0]:
                continue
            if row.proto == TCP and row.flow and 0 <= row.slot < self.slots:
                self.tcp(packets, i, row)
            elif row.proto == UDP and row.payload_len >= 4:
                self.udp(packets, i, row)

    def ended(self, changes):
        """Flows ended."""
        cdef Change[::1] some = changes
        cdef Py_ssize_t i
        for i in range(some.shape[0]):
            if (
                some[i].kind == ENDED
                and 0 <= some[i].slot < self.slots
                and self.marks[some[i].slot].flow == some[i].flow
            ):
                self.leave(&self.marks[some[i].slot])

    def finish(self):
        """The run is over: the conversations end, the least recently active first."""
        cdef int32_t place = self.oldest()
        while place >= 0:
            self.leave(&self.marks[self.slot[place]])
            place = self.oldest()

    # Conversations.

    cdef int begin(self, Mark* mark, Py_ssize_t slot, Conversation conversation) except -1:
        """Follow the flow in a slot."""
        if not self.vacant:
            self.leave(&self.marks[self.slot[self.oldest()]])
        self.vacant -= 1
        mark.place, mark.state = self.unused[self.vacant], FOLLOWED
        self.open[mark.place], self.slot[mark.place] = conversation, slot
        return 0

    cdef int leave(self, Mark* mark) except -1:
        """The flow in a slot ended, or is evicted."""
        cdef Conversation conversation
        if mark.state == FOLLOWED or mark.state == PAUSED:
            mark.state = OVER
            conversation = self.open[mark.place]
            self.open[mark.place] = None
            self.unused[self.vacant] = mark.place
            self.vacant += 1
            conversation.finish()
        mark.state = OVER
        return 0

    cdef int32_t oldest(self) except -2:
        """Place of the least recently active conversation; -1 if there is none."""
        cdef int32_t place, found = -1
        for place in range(MOST):
            if self.open[place] is not None and (found < 0 or self.used[place] < self.used[found]):
                found = place
        return found

    cdef int tcp(self, Packets packets, Py_ssize_t index, const Row* row) except -1:
        cdef Mark* mark = &self.marks[row.slot]
        cdef uint32_t size = row.payload_len if row.begins != HEADER else 0
        cdef const uint8_t* payload
        cdef Conversation conversation
        if mark.flow != row.flow:
            self.leave(mark)
            mark.flow, mark.state = row.flow, UNKNOWN
        if mark.state == OVER or (size == 0 and mark.state != FOLLOWED and not row.tcp_flags & SYN):
            return 0
        if mark.state == FOLLOWED:
            return self.segment(packets, index, row, &packets.data[row.frame + row.payload] if size else NULL, mark)
        if size == 0:
            if self.ports[row.dport]:
                conversation = self.transfers.expected(packets.at(index))
                if conversation is not None:
                    self.begin(mark, row.slot, conversation)
                    self.used[mark.place] = row.ts
            return 0
        payload = &packets.data[row.frame + row.payload]
        if not self.recognized(row, payload, size, mark):
            return 0
        return self.segment(packets, index, row, payload, mark)

    cdef bint recognized(self, const Row* row, const uint8_t* payload, uint32_t size, Mark* mark) except -1:
        """Whether the segment begins or continues a conversation that transfers files."""
        cdef bint http = size >= LEAST and 65 <= payload[0] <= 90 and begins(payload, size)
        if mark.state == PAUSED:
            if http:
                (<Conversation>self.open[mark.place]).restart(row.direction, row.seq)
            return http
        if http:
            self.begin(mark, row.slot, self.transfers.http())
        elif row.sport == FTP or row.dport == FTP:
            self.begin(mark, row.slot, self.transfers.ftp())
        elif row.sport in (25, 587, 2525) or row.dport in (25, 587, 2525):
            self.begin(mark, row.slot, self.transfers.mail())
        elif (
            (row.dport == SMB or row.sport == SMB) and size >= LEAST and payload[0] == 0
            and payload[4] == 0xFE and payload[5] == 83 and payload[6] == 77 and payload[7] == 66
        ):
            self.begin(mark, row.slot, self.transfers.smb())
        else:
            return False
        return True

    cdef int segment(
        self, Packets packets, Py_ssize_t index, const Row* row, const uint8_t* payload, Mark* mark
    ) except -1:
        """A segment of a followed flow, without payload if that is NULL."""
        cdef Conversation conversation = self.open[mark.place]
        cdef bint reset = row.tcp_flags & RST
        cdef uint32_t size = row.payload_len if payload != NULL else 0
        self.used[mark.place] = row.ts
        if size:
            conversation.segment(row.direction, row.seq, (<const char*>payload)[:size], packets, index)
        if row.tcp_flags & (FIN | RST) and not conversation.over:
            conversation.closed(row.direction, row.seq + size, reset)
        if conversation.over:
            self.leave(mark)
        else:
            mark.state = PAUSED if conversation.paused else FOLLOWED
        return 0

    cdef int udp(self, Packets packets, Py_ssize_t index, const Row* row) except -1:
        """TFTP: file requests, and blocks of files."""
        cdef const uint8_t* payload
        if row.dport != TFTP and not (self.ports[row.dport] or self.ports[row.sport]):
            return 0
        payload = &packets.data[row.frame + row.payload]
        if payload[0] == 0 and payload[1] in ((1, 2) if row.dport == TFTP else (3, 6)):
            self.transfers.tftp(packets.at(index))
        return 0
