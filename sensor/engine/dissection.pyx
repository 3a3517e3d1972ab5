# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Dissection: passes the rows selected by the kernels to the dissectors that want them: datagrams and frames directly,
TCP segments through reassembly.

A packet object is made only for a dissector that reads it: segments of flows that no dissector wants any more, and of
bodies that are not parsed, are skipped cheaply. A dissector that drops a flow gets none of its further rows, even if
the kernels had already selected them, so that results do not depend on how packets are split into batches.
"""

from libc.stdint cimport uint16_t, uint64_t

from sensor.boundary cimport Boundary
from sensor.core.bounded import Bounded
from sensor.core.dissector import datagram_bits, stream_bits
from sensor.core.event import MalformedMessage, SenderFlood
from sensor.core.packet cimport Packet, Packets
from sensor.core.row cimport Row
from sensor.decode.unfollowed cimport Unfollowed
from sensor.decode.reassembly cimport Assembler, Room
from sensor.decode.select import FLOODED_SENDERS, NEWCOMERS_BIT, WAITS_BIT

CONVERSATIONS_LIMIT, HELD_LIMIT = 8192, 16 << 20
COMBINATIONS_LIMIT = 1024
# Flows whose first segments wait until their protocol is recognized; the kernels limit the number of segments.
WAITING_LIMIT = 256

cdef enum:
    TCP = 6
    UDP = 17
    HEAD = 2  # Row.begins: the payload is the TCP header


cdef class Dissection:
    """``dispatch`` gets what each dissector parsed from a packet; ``unfollow`` (slot, flow, bits) informs the kernels
    which dissectors need no more rows of a flow, which saves checking each row; ``keep`` gets each packet that is made.
    ``selected``: number of messages and segments given to dissectors.
    """

    cdef Boundary boundary
    cdef object unfollow, dispatch
    cdef public object keep
    cdef readonly Py_ssize_t selected
    # by bit, for each kind of rows: (name, dissect function, its ports if it shares the bit) of each dissector; for
    # streams the dissector in place of the function
    cdef list frames, datagrams, streamed
    cdef object readers_of, followers_of    # combination of bits → its dissectors
    cdef object conversations               # flow → its open streams, by the name of their dissector
    # flow → (packet, bytes missing before it) of segments that no dissector has recognized yet
    cdef object waiting
    cdef Unfollowed unfollowed
    cdef readonly Room early

    def __init__(
        self, dissectors, Boundary boundary, unfollow, dispatch, conversations=CONVERSATIONS_LIMIT, held=HELD_LIMIT
    ):
        self.boundary, self.unfollow, self.dispatch = boundary, unfollow, dispatch
        self.frames = [[(name, unit.dissect, None)] for name, unit in dissectors.items() if unit.interest.frames]
        self.datagrams = datagram_readers(dissectors)
        self.streamed = stream_readers(dissectors)
        self.readers_of, self.followers_of = Bounded(COMBINATIONS_LIMIT), Bounded(COMBINATIONS_LIMIT)
        self.conversations, self.waiting = Bounded(conversations), Bounded(WAITING_LIMIT)
        self.unfollowed = Unfollowed()
        self.early = Room(held)

    def row(self, Packets packets, Py_ssize_t index, uint64_t wanted):
        """Process one selected row; ``wanted``: bits of the dissectors that want it."""
        cdef Row* row = &packets.rows[index]
        cdef Packet packet
        if row.proto == TCP and row.ip_version and row.begins != HEAD:
            self.segment(packets, index, row, wanted)
            return
        packet = self.made(packets, index)
        if wanted >> <int>NEWCOMERS_BIT:
            self.dispatch((SenderFlood(packet, FLOODED_SENDERS),))
        self.message(packet, wanted)

    def end(self, flow):
        """A flow ended."""
        cdef list results
        self.waiting.pop(flow)
        for name, assembler in (self.conversations.pop(flow) or {}).items():
            results = []
            self.boundary.call(results, name, assembler.finish, (), None, False)
            self.dispatch(results)

    cpdef Packet made(self, Packets packets, Py_ssize_t index):
        """The packet of a row, also kept for alerts."""
        cdef Packet packet = packets.at(index)
        if self.keep is not None:
            self.keep(packet)
        return packet

    cdef int message(self, Packet packet, uint64_t wanted) except -1:
        """Dissect a datagram or frame."""
        for name, dissect, ports in self.readers(packet.proto == UDP and packet.ip_version > 0, wanted):
            if ports is not None and packet.sport not in ports and packet.dport not in ports:
                continue
            self.selected += 1
            self.run(name, dissect, packet)
        return 0

    cdef bint run(self, name, call, Packet packet) except -1:
        """Dispatch what a dissector parses from a packet; returns False if it failed."""
        cdef list results = []
        cdef bint whole = self.boundary.call(results, name, call, (packet,), packet, False)
        if results:
            self.dispatch(results)
        if not whole:
            self.dispatch((MalformedMessage(packet, name),))
        return whole

    cdef int segment(self, Packets packets, Py_ssize_t index, Row* row, uint64_t wanted) except -1:
        """Process a TCP segment."""
        cdef uint64_t flow = row.flow
        cdef Packet packet = None
        cdef Assembler assembler
        cdef dict conversation
        cdef object early = ()
        cdef int taken = -1
        if wanted >> <int>WAITS_BIT & 1:
            self.wait(flow, self.made(packets, index), row.spare)
            return 0
        wanted = self.unfollowed.left(row.slot, flow, wanted)
        if not wanted:
            return 0
        if len(self.waiting):
            early = self.waiting.pop(flow) or ()
        conversation = self.conversations.get(flow)
        if conversation is None:
            conversation = self.begin(flow)
        for bit, name, unit, ports in self.followers(wanted):
            if ports is not None:  # one of those that share the bit
                if bit == taken or (row.sport not in ports and row.dport not in ports):
                    continue
                taken = bit
            assembler = conversation.get(name)
            if assembler is None:
                packet = packet if packet is not None else self.made(packets, index)
                assembler = conversation[name] = Assembler(
                    unit.stream(early[0][0] if early else packet), unit.interest, self.early
                )
            elif row.begins & 1 == 0 and assembler.stream.idle[row.direction]:
                continue
            packet = packet if packet is not None else self.made(packets, index)
            if (early and not self.all_fed(name, assembler, early)) or not self.fed(name, assembler, packet, row.spare):
                assembler.drop()
                del conversation[name]
                self.unfollowed.give_up(row.slot, flow, <uint64_t>1 << <int>bit)
                self.unfollow(row.slot, flow, <uint64_t>1 << <int>bit)
        if not conversation:
            self.conversations.pop(flow)
        return 0

    cdef bint fed(self, name, Assembler assembler, Packet packet, uint16_t missing) except -1:
        """Give a segment to a stream; ``missing``: bytes missing before it. Returns False if the stream wants no
        more.
        """
        self.selected += 1
        assembler.late = missing
        return self.run(name, assembler.feed, packet) and not assembler.stream.done

    cdef bint all_fed(self, name, Assembler assembler, early) except -1:
        """The same for segments that waited."""
        for packet, missing in early:
            if not self.fed(name, assembler, packet, missing):
                return False
        return True

    cdef int wait(self, uint64_t flow, Packet packet, uint16_t missing) except -1:
        """Hold back a segment of a flow whose protocol is not recognized yet."""
        cdef list early = self.waiting.get(flow)
        if early is None:
            early = []
            self.waiting.put(flow, early)
        early.append((packet, missing))
        return 0

    cdef dict begin(self, uint64_t flow):
        """Start a new flow. Evicts the least recently used flow, without ending its streams; if that flow continues, it
        starts again.
        """
        cdef dict conversation = {}
        went = self.conversations.put(flow, conversation)
        for assembler in went[1].values() if went is not None else ():
            assembler.drop()
        return conversation

    cdef tuple readers(self, bint datagram, uint64_t wanted):
        """The dissectors of a combination of bits, of datagrams or of other frames. Cached: few combinations occur."""
        cdef tuple found = self.readers_of.get((datagram, wanted))
        if found is None:
            given = self.datagrams if datagram else self.frames
            found = tuple([one for bit, readers in enumerate(given) if wanted >> <int>bit & 1 for one in readers])
            self.readers_of.put((datagram, wanted), found)
        return found

    cdef tuple followers(self, uint64_t wanted):
        """The stream dissectors of a combination of bits: (bit, name, dissector, its ports if it shares the bit)."""
        cdef tuple found = self.followers_of.get(wanted)
        if found is None:
            found = tuple([
                (bit, *one) for bit, given in enumerate(self.streamed) if wanted >> <int>bit & 1 for one in given
            ])
            self.followers_of.put(wanted, found)
        return found


def datagram_readers(dissectors):
    """By bit: (name, dissect function, its ports if it shares the bit) of each dissector of datagrams."""
    units = list(dissectors.items())
    return [
        [(name, unit.dissect, frozenset(unit.interest.udp) if shared[1:] else None)
         for name, unit in (units[position] for position in shared)]
        for shared in datagram_bits([unit.interest for _, unit in units])
    ]


def stream_readers(dissectors):
    """By bit: (name, dissector, its ports if it shares the bit) of each dissector of streams."""
    units = list(dissectors.items())
    return [
        [(name, unit, frozenset(unit.interest.tcp) if shared[1:] else None)
         for name, unit in (units[position] for position in shared)]
        for shared in stream_bits([unit.interest for _, unit in units])
    ]
