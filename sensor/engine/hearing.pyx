# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Hearing: what native dissectors read of a batch, handed on in packet order. A fact that is known is counted where it stands; objects are made of facts
that are news, and of events that somebody hears. A message that was punted is read by its Python function, guarded by the boundary.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

import numpy as np

from sensor.boundary cimport Boundary
from sensor.core.batch import ROW
from sensor.core.bounded import Bounded
from sensor.core.event import MalformedMessage
from sensor.core.observation import Observation, Subject
from sensor.core.packet cimport Packet, Packets
from sensor.core.reader import Malformed
from sensor.core.row cimport Row
from sensor.evidence.frames cimport FrameRing
from sensor.inventory.novelty cimport Novelty
from sensor.native.layout import fields_of
from sensor.native.out cimport ENDED, EVENT, FACT, FACT_ABOUT, HEARD, MALFORMED, PACKET, PUNTED, Messages, Out, Said
from sensor.native.units import FACTS, KINDS
from sensor.native.units import PUNTED as PUNTED_KINDS
from sensor.native.view cimport View

BROKEN_LIMIT = 1024


cdef class Hearing:
    """``hear`` gets what a dissector said of a packet, as a list of events and observations; ``made`` makes the packet of a row, which keeps it for alerts;
    ``names``: of the native dissectors of streams. ``heard``: messages so far. ``record``: called with what a punted message says, for the traffic records.
    """

    cdef object hear, made, broken
    cdef Boundary boundary
    cdef Novelty novelty
    cdef list views, punted, names, hashes, listened, waiting
    cdef tuple facts
    cdef Packets packets
    cdef object evidence
    cdef FrameRing ring
    cdef Messages messages
    cdef uint32_t next
    cdef Py_ssize_t kept           # the row of the batch whose frame was kept last
    cdef readonly Py_ssize_t heard
    cdef public object record

    def __init__(self, hear, made, Novelty novelty, Boundary boundary, names=()):
        self.hear, self.made, self.novelty, self.boundary, self.names = hear, made, novelty, boundary, list(names)
        self.views, self.punted = [View(fields_of(kind)) for kind in KINDS], [View(fields_of(kind)) for kind in PUNTED_KINDS]
        self.hashes = [0 if fact.endswith(".") else novelty.kind_hash(fact) for fact in FACTS]  # 0: the message tells the rest
        self.facts = FACTS
        self.broken = Bounded(BROKEN_LIMIT)  # (flow, dissector): given up since a message that was punted is malformed
        self.waiting = []
        self.listen(KINDS)

    def listen(self, kinds):
        """Events of these classes are heard by somebody, others by nobody."""
        self.listened = [kind in kinds for kind in KINDS]

    def keep(self, evidence):
        """Frames of what is said are kept by this gatherer from now on; None: by nobody."""
        self.evidence, self.ring = evidence, evidence.packets if evidence is not None else None

    def begin(self, Packets packets, tuple messages):
        """A batch begins: its packets, and what was read of them."""
        self.packets, self.waiting, self.kept = packets, list(messages[::-1]), -1
        self.turn()

    cdef int turn(self) except -1:
        """What was read of the next part of the batch."""
        self.messages, self.next = self.waiting.pop() if self.waiting else None, 0
        return 0

    def until(self, Py_ssize_t row):
        """Hand on what packets before ``row`` said that was not handed on yet. What was said at the ends that the last of them caused waits for ``ended``."""
        cdef const Out* out
        cdef const Said* said
        cdef Py_ssize_t at
        while self.messages is not None:
            out = &self.messages.out
            while self.next < out.said_used:
                said = &out.said[self.next]
                at = said.row + self.messages.start
                if at >= row or (said.what == ENDED and at == row - 1):
                    return
                self.some(out)
            self.turn()

    def ended(self, uint64_t flow):
        """Hand on what was said at the end of a flow, which is the next that was said."""
        cdef const Out* out
        if self.messages is None:
            return
        out = &self.messages.out
        while self.next < out.said_used and out.said[self.next].what == ENDED and out.said[self.next].flow == flow:
            self.some(out)

    def end(self):
        """Hand on the rest."""
        self.until(1 << 40)
        self.packets = None

    cdef int some(self, const Out* out) except -1:
        """What one dissector of streams, or all others, said of one packet; or what one said at the end of a conversation."""
        cdef const Said* said = &out.said[self.next]
        cdef Py_ssize_t index = said.row + self.messages.start
        cdef uint8_t unit = said.unit
        cdef bint at_end = said.what == ENDED, whole = True, news = False
        cdef uint32_t stop = self.next + 1 + said.size if at_end else out.said_used
        cdef const Row* own = NULL if at_end else &self.packets.rows[index]
        cdef const Row* row = own   # of the packet that it is about
        cdef uint64_t flow = said.flow if at_end else own.flow
        cdef list some = []
        cdef Packet packet = None, first = None
        self.next += at_end
        if self.ring is not None and not at_end:
            if self.evidence.waiting:
                packet = first = self.made(self.packets, index)
            elif index != self.kept:
                self.ring.keep_row(self.packets.data, own)
            self.kept = index
        while self.next < stop:
            said = &out.said[self.next]
            if said.row + self.messages.start != index or said.unit != unit or said.what == ENDED:
                break
            self.next += 1
            if said.what == HEARD:
                continue
            if said.what == PACKET:
                row = <const Row*>(out.text + said.at) if said.size else own
                packet = self.earlier(out, said) if said.size else first
                continue
            if unit and self.broken and (flow, unit) in self.broken:
                continue
            if said.what == FACT or said.what == FACT_ABOUT:
                if news or not self.known(out, said, row):  # facts are taken in their order: behind one that is news all are
                    some.append(self.observation(out, said, row))
                    news = True
                continue
            if said.what == EVENT and not self.listened[said.kind]:
                continue
            if packet is None and row == own:
                packet = first = self.packet(index)
            if said.what == EVENT:
                some.append((<View>self.views[said.kind]).event(out, said.at, packet))
            elif said.what == MALFORMED:
                whole = self.boundary.call([], self.names[unit - 1], raised, (self.text(out, said),), packet, False)
            else:
                whole, news = self.read(out, said, packet, some), True
                if not whole:
                    self.broken.put((flow, unit), True)
        self.heard += 1
        if self.evidence is not None and not at_end and (some or not whole):
            self.evidence.at(index)
        if some:
            self.hear(some)
        if not whole and not at_end:
            self.hear((MalformedMessage(first if first is not None else self.packet(index), self.names[unit - 1]),))
        return 0

    cdef Packet packet(self, Py_ssize_t index):
        """The packet of a row whose frame is kept already."""
        return self.packets.at(index)

    cdef bint read(self, const Out* out, const Said* said, Packet packet, list some) except -1:
        """What a message that was punted says is added; whether it is what its protocol allows."""
        cdef Py_ssize_t before = len(some)
        cdef bint whole
        one = (<View>self.punted[said.kind]).make(out, said.at)
        whole = self.boundary.call(some, self.names[said.unit - 1], one.read, (packet,), packet, False)
        if self.record is not None and len(some) > before:
            self.record(some[before:])
        return whole

    cdef Packet earlier(self, const Out* out, const Said* said):
        """A packet of which a copy was kept."""
        raw = bytearray(out.text[said.at : said.at + said.size])
        return Packets(np.frombuffer(raw, np.uint8, offset=ROW.itemsize), np.frombuffer(raw, ROW, 1)).at(0)

    cdef bint known(self, const Out* out, const Said* said, const Row* row) except -1:
        """Whether a fact is known; then it is counted. Of kinds that end in the message itself nobody knows before their text is made."""
        cdef uint64_t kind = self.hashes[said.kind]
        cdef uint64_t hashed
        cdef const uint64_t* about
        if kind == 0:
            return False
        hashed = self.novelty.value_hash(kind, out.text + said.at, said.size)
        if said.what == FACT_ABOUT:
            about = &out.slots[said.about]
            return self.novelty.known(row.ts, about[0], about[1], about[2], row.vlan, hashed)
        return self.novelty.known(row.ts, row.src_mac, row.src_hi, row.src_lo, row.vlan, hashed)

    cdef object observation(self, const Out* out, const Said* said, const Row* row):
        """A fact as an object."""
        kind, value = self.facts[said.kind], self.text(out, said)
        if self.hashes[said.kind] == 0:
            rest, _, value = value.partition("\0")
            kind += rest
        if said.what == FACT_ABOUT:
            subject = Subject(out.slots[said.about], address(out.slots[said.about + 1], out.slots[said.about + 2]), row.vlan)
        else:
            subject = Subject(row.src_mac, address(row.src_hi, row.src_lo), row.vlan)
        return Observation(row.ts, subject, kind, value, row.flow)

    cdef str text(self, const Out* out, const Said* said):
        return (<const char*>out.text)[said.at : said.at + said.size].decode("latin-1")


cdef object address(uint64_t hi, uint64_t lo):
    return (<object>hi << 64) | lo if hi else lo


def raised(fault):
    raise Malformed(fault)
