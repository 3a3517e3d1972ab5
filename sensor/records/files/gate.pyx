# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Gate: selects the packets of flows that transfer files. All others cost a few comparisons; these are passed to Python
(``transfers``).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from sensor.core.change cimport Change
from sensor.core.packet cimport Packets
from sensor.core.row cimport FIN, RST, SYN, Row
from sensor.native.http_head cimport begins

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
        self.marks, self.slots, self.transfers = <Mark*>calloc(flows, sizeof(Mark)), flows, transfers
        self.ports = transfers.ports
        if self.marks == NULL:
            raise MemoryError("marks of file transfers")

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

    cdef int leave(self, Mark* mark) except -1:
        """The flow in a slot ended."""
        if mark.state == FOLLOWED or mark.state == PAUSED:
            self.transfers.ended(mark.flow)
        mark.state = OVER
        return 0

    cdef int tcp(self, Packets packets, Py_ssize_t index, const Row* row) except -1:
        cdef Mark* mark = &self.marks[row.slot]
        cdef uint32_t size = row.payload_len if row.begins != HEADER else 0
        cdef const uint8_t* payload
        if mark.flow != row.flow:
            self.leave(mark)
            mark.flow, mark.state = row.flow, UNKNOWN
        if mark.state == OVER or (size == 0 and mark.state != FOLLOWED and not row.tcp_flags & SYN):
            return 0
        if mark.state == FOLLOWED:
            return self.segment(packets, index, row, &packets.data[row.frame + row.payload] if size else NULL, mark)
        if size == 0:
            if self.ports[row.dport] and self.transfers.expected(packets.at(index)):
                mark.state = FOLLOWED
            return 0
        payload = &packets.data[row.frame + row.payload]
        if size >= LEAST and 65 <= payload[0] <= 90 and begins(payload, size):
            self.transfers.http(row.flow, row.direction, row.seq)
        elif mark.state == UNKNOWN and (row.sport == FTP or row.dport == FTP):
            self.transfers.ftp(row.flow)
        elif mark.state == UNKNOWN and (row.sport in (25, 587, 2525) or row.dport in (25, 587, 2525)):
            self.transfers.mail(row.flow)
        elif (
            mark.state == UNKNOWN and (row.dport == SMB or row.sport == SMB) and size >= LEAST and payload[0] == 0
            and payload[4] == 0xFE and payload[5] == 83 and payload[6] == 77 and payload[7] == 66
        ):
            self.transfers.smb(row.flow)
        else:
            return 0
        mark.state = FOLLOWED
        return self.segment(packets, index, row, payload, mark)

    cdef int segment(
        self, Packets packets, Py_ssize_t index, const Row* row, const uint8_t* payload, Mark* mark
    ) except -1:
        """A segment of a followed flow, without payload if that is NULL."""
        cdef int state = FOLLOWED
        if payload != NULL:
            state = self.transfers.segment(
                row.flow, row.direction, row.seq, (<const char*>payload)[:row.payload_len], packets, index
            )
        if row.tcp_flags & (FIN | RST):
            state = self.transfers.closed(
                row.flow,
                row.direction,
                row.seq + (row.payload_len if payload != NULL else 0),
                bool(row.tcp_flags & RST),
            )
        mark.state = state
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
