# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Hearing: what native dissectors read of a batch, handed on in packet order. Objects are made here, of what somebody wants."""

from libc.stdint cimport int32_t, uint32_t

from sensor.core.observation import Observation, Subject
from sensor.native.layout import fields_of
from sensor.native.out cimport EVENT, Messages, Out, Said
from sensor.native.units import FACTS, KINDS
from sensor.native.view cimport View


cdef class Hearing:
    """``hear`` gets what one packet said, as a list of events and observations; ``made`` makes the packet of a row."""

    cdef object hear, made
    cdef list views
    cdef tuple facts
    cdef object packets
    cdef list waiting
    cdef Messages messages
    cdef uint32_t next
    cdef readonly Py_ssize_t heard

    def __init__(self, hear, made):
        self.hear, self.made = hear, made
        self.views = [View(fields_of(kind)) for kind in KINDS]
        self.facts = FACTS

    def begin(self, packets, tuple messages):
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
        self.packets = self.messages = None

    cdef int packet(self, const Out* out) except -1:
        """What one packet said."""
        cdef const Said* said = &out.said[self.next]
        cdef int32_t row = said.row
        cdef list some = []
        packet = self.made(self.packets, row + self.messages.start)
        subject = Subject(packet.src_mac, packet.src, packet.vlan)
        while self.next < out.said_used and out.said[self.next].row == row:
            said = &out.said[self.next]
            self.next += 1
            if said.what == EVENT:
                some.append((<View>self.views[said.kind]).event(out, said.at, packet))
            else:
                value = out.text[said.at : said.at + said.size].decode("latin-1")
                some.append(Observation(packet.ts, subject, self.facts[said.kind], value, packet.flow))
        self.heard += 1
        self.hear(some)
        return 0
