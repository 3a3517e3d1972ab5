# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Hearing: what native dissectors read of a batch, handed on in packet order. A fact that is known is counted where it stands; objects are made of facts
that are news, and of events that somebody hears.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sensor.core.observation import Observation, Subject
from sensor.core.packet cimport Packets
from sensor.core.row cimport Row
from sensor.evidence.frames cimport FrameRing
from sensor.inventory.novelty cimport Novelty
from sensor.native.layout import fields_of
from sensor.native.out cimport EVENT, FACT_ABOUT, Messages, Out, Said
from sensor.native.units import FACTS, KINDS
from sensor.native.view cimport View


cdef class Hearing:
    """``hear`` gets what one packet said, as a list of events and observations; ``made`` makes the packet of a row, which keeps it for alerts. ``heard``: packets
    so far.
    """

    cdef object hear, made
    cdef Novelty novelty
    cdef list views, hashes
    cdef tuple facts
    cdef list listened
    cdef Packets packets
    cdef object evidence
    cdef FrameRing ring
    cdef list waiting
    cdef Messages messages
    cdef uint32_t next
    cdef readonly Py_ssize_t heard

    def __init__(self, hear, made, Novelty novelty):
        self.hear, self.made, self.novelty = hear, made, novelty
        self.views = [View(fields_of(kind)) for kind in KINDS]
        self.hashes = [0 if fact.endswith(".") else novelty.kind_hash(fact) for fact in FACTS]  # 0: the message tells the rest
        self.facts = FACTS
        self.listen(KINDS)

    def listen(self, kinds):
        """Events of these classes are heard by somebody, others by nobody."""
        self.listened = [kind in kinds for kind in KINDS]

    def keep(self, evidence):
        """Frames of what is said are kept by this gatherer from now on; None: by nobody."""
        self.evidence, self.ring = evidence, evidence.packets if evidence is not None else None

    def begin(self, Packets packets, tuple messages):
        """A batch begins: its packets, and what was read of them."""
        self.packets, self.waiting = packets, list(messages[::-1])
        self.turn()

    cdef int turn(self) except -1:
        """What was read of the next part of the batch."""
        self.messages, self.next = self.waiting.pop() if self.waiting else None, 0
        return 0

    def until(self, Py_ssize_t row):
        """Hand on what packets before ``row`` said that was not handed on yet."""
        cdef const Out* out
        while self.messages is not None:
            out = &self.messages.out
            while self.next < out.said_used:
                if out.said[self.next].row + self.messages.start >= row:
                    return
                self.packet(out)
            self.turn()

    def end(self):
        """Hand on the rest."""
        self.until(1 << 40)
        self.packets = None

    cdef int packet(self, const Out* out) except -1:
        """What one packet said."""
        cdef const Said* said = &out.said[self.next]
        cdef Py_ssize_t index = said.row + self.messages.start
        cdef const Row* row = &self.packets.rows[index]
        cdef list some = []
        packet = self.made(self.packets, index) if self.ring is not None and self.evidence.waiting else None
        while self.next < out.said_used and out.said[self.next].row + self.messages.start == index:
            said = &out.said[self.next]
            self.next += 1
            if said.what != EVENT:
                if not self.known(out, said, row):
                    some.append(self.observation(out, said, row))
            elif self.listened[said.kind]:
                if packet is None:
                    packet = self.made(self.packets, index)
                some.append((<View>self.views[said.kind]).event(out, said.at, packet))
        if packet is None and self.ring is not None:
            self.ring.keep_row(self.packets.data, row)
        self.heard += 1
        if some:
            if self.evidence is not None:
                self.evidence.at(index)
            self.hear(some)
        return 0

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
        kind, value = self.facts[said.kind], (<const char*>out.text)[said.at : said.at + said.size].decode("latin-1")
        if self.hashes[said.kind] == 0:
            rest, _, value = value.partition("\0")
            kind += rest
        if said.what == FACT_ABOUT:
            subject = Subject(out.slots[said.about], address(out.slots[said.about + 1], out.slots[said.about + 2]), row.vlan)
        else:
            subject = Subject(row.src_mac, address(row.src_hi, row.src_lo), row.vlan)
        return Observation(row.ts, subject, kind, value, row.flow)


cdef object address(uint64_t hi, uint64_t lo):
    return (<object>hi << 64) | lo if hi else lo
