# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Messages that native dissectors parsed from a batch, delivered in packet order. A known fact is counted in place;
Python objects are made for new facts and for events that have subscribers. A message that the native dissector passed
on is read by the Python dissector, guarded by the error boundary.
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
from sensor.engine.unwanted cimport NO, UNKNOWN, YES, Unwanted
from sensor.evidence.frames cimport FrameRing
from sensor.inventory.novelty cimport Novelty
from sensor.native.layout import fields_of
from sensor.native.out cimport ENDED, EVENT, FACT, FACT_ABOUT, EMPTY, MALFORMED, PACKET, PUNTED, Messages, Out, Entry
from sensor.native.units import FACTS, KINDS
from sensor.native.units import PUNTED as PUNTED_KINDS
from sensor.native.view cimport View

BROKEN_LIMIT = 1024


cdef class NativeMessages:
    """``dispatch`` gets what a dissector parsed from a packet, as a list of events and observations; ``made`` makes the
    packet of a row and keeps it for alerts; ``names``: names of the native stream dissectors. ``parsed``: number of
    messages so far. ``unwanted``: which events no subscriber wants. ``record``: called with the events of messages read
    by Python, for the traffic records.
    """

    cdef object dispatch, made, broken
    cdef Boundary boundary
    cdef Novelty novelty
    cdef readonly Unwanted unwanted
    cdef list views, punted, names, hashes, subscribed, waiting
    cdef tuple facts
    cdef Packets packets
    cdef object evidence
    cdef FrameRing ring
    cdef Messages messages
    cdef uint32_t next
    cdef Py_ssize_t kept           # row of the batch whose frame was kept last
    cdef readonly Py_ssize_t parsed
    cdef public object record

    def __init__(self, dispatch, made, Novelty novelty, Boundary boundary, names=()):
        self.dispatch = dispatch
        self.made = made
        self.novelty, self.unwanted = novelty, Unwanted(boundary, novelty, KINDS)
        self.boundary = boundary
        self.names = list(names)
        self.views = [View(fields_of(kind)) for kind in KINDS]
        self.punted = [View(fields_of(kind)) for kind in PUNTED_KINDS]
        # 0: the message holds the rest of the kind
        self.hashes = [0 if fact.endswith(".") else novelty.kind_hash(fact) for fact in FACTS]
        self.facts = FACTS
        self.broken = Bounded(BROKEN_LIMIT)  # (flow, dissector): given up since a message read by Python was malformed
        self.waiting = []
        self.subscribe(KINDS)

    def subscribe(self, kinds, *groups):
        """These classes of events have subscribers; no objects are made for others, nor for events that none of the
        subscribers in ``groups`` wants. Without groups, all events are delivered.
        """
        self.subscribed = [kind in kinds for kind in KINDS]
        self.unwanted.subscribe(*groups)

    def keep(self, evidence):
        """Set the gatherer that keeps the frames of messages; None: frames are not kept."""
        self.evidence, self.ring = evidence, evidence.packets if evidence is not None else None

    def begin(self, Packets packets, tuple messages):
        """Start a batch: its packets, and the messages parsed from them."""
        self.packets, self.waiting, self.kept = packets, list(messages[::-1]), -1
        self.unwanted.check()
        self.turn()

    cdef int turn(self) except -1:
        """Take the messages of the next part of the batch."""
        self.messages, self.next = self.waiting.pop() if self.waiting else None, 0
        return 0

    def until(self, Py_ssize_t row):
        """Deliver the messages of packets before ``row``. Messages of flows that the last packet ended wait for
        ``ended``.
        """
        cdef const Out* out
        cdef const Entry* entry
        cdef Py_ssize_t at
        while self.messages is not None:
            out = &self.messages.out
            while self.next < out.entries_used:
                entry = &out.entries[self.next]
                at = entry.row + self.messages.start
                if at >= row or (entry.what == ENDED and at == row - 1):
                    return
                self.deliver(out)
            self.turn()

    def ended(self, uint64_t flow):
        """Deliver the messages at the end of a flow; they come next in order."""
        cdef const Out* out
        if self.messages is None:
            return
        out = &self.messages.out
        while (
            self.next < out.entries_used
            and out.entries[self.next].what == ENDED
            and out.entries[self.next].flow == flow
        ):
            self.deliver(out)

    def end(self):
        """Deliver the remaining messages."""
        self.until(1 << 40)
        self.packets = None

    cdef int deliver(self, const Out* out) except -1:
        """The messages of one packet by one stream dissector, or by all others; or the messages at the end of a
        flow.
        """
        cdef const Entry* entry = &out.entries[self.next]
        cdef Py_ssize_t index = entry.row + self.messages.start
        cdef uint8_t unit = entry.unit
        cdef bint at_end = entry.what == ENDED, whole = True, news = False, changed = False
        cdef int verdict
        cdef uint32_t stop = self.next + 1 + entry.size if at_end else out.entries_used
        cdef const Row* own = NULL if at_end else &self.packets.rows[index]
        cdef const Row* row = own   # of the packet that contains the message
        cdef uint64_t flow = entry.flow if at_end else own.flow
        cdef list results = []
        cdef Packet packet = None, first = None
        self.next += at_end
        if self.ring is not None and not at_end:
            if self.evidence.waiting:
                packet = first = self.made(self.packets, index)
            elif index != self.kept:
                self.ring.keep_row(self.packets.data, own)
            self.kept = index
        while self.next < stop:
            entry = &out.entries[self.next]
            if entry.row + self.messages.start != index or entry.unit != unit or entry.what == ENDED:
                break
            self.next += 1
            if entry.what == EMPTY:
                continue
            if entry.what == PACKET:
                row = <const Row*>(out.text + entry.at) if entry.size else own
                packet = self.earlier(out, entry) if entry.size else first
                continue
            if unit and self.broken and (flow, unit) in self.broken:
                continue
            if entry.what == FACT or entry.what == FACT_ABOUT:
                # facts are delivered in order: after a new fact, all facts are delivered
                if news or not self.known(out, entry, row):
                    results.append(self.observation(out, entry, row))
                    news = True
                continue
            if entry.what == EVENT:
                if not self.subscribed[entry.kind]:
                    continue
                # At the end of a flow, an event may have no row.
                verdict = YES if row is NULL else self.unwanted.verdict(entry.kind, out, entry.at, row, changed)
                if verdict == NO:
                    continue
            if packet is None and row == own:
                packet = first = self.packet(index)
            if entry.what == EVENT:
                event = (<View>self.views[entry.kind]).event(out, entry.at, packet)
                if verdict == UNKNOWN and not self.unwanted.evaluate(entry.kind, event, row, changed):
                    continue
                results.append(event)
                changed = True
            elif entry.what == MALFORMED:
                whole = self.boundary.call([], self.names[unit - 1], raised, (self.text(out, entry),), packet, False)
            else:
                whole, news = self.read(out, entry, packet, results), True
                changed = True
                if not whole:
                    self.broken.put((flow, unit), True)
        self.parsed += 1
        if self.evidence is not None and not at_end and (results or not whole):
            self.evidence.at(index)
        if results:
            self.dispatch(results)
        if not whole and not at_end:
            self.dispatch((MalformedMessage(first if first is not None else self.packet(index), self.names[unit - 1]),))
        return 0

    cdef Packet packet(self, Py_ssize_t index):
        """The packet of a row, whose frame is kept already."""
        return self.packets.at(index)

    cdef bint read(self, const Out* out, const Entry* entry, Packet packet, list results) except -1:
        """Add the results of a message that Python reads; returns False if it is malformed."""
        cdef Py_ssize_t before = len(results)
        cdef bint whole
        one = (<View>self.punted[entry.kind]).make(out, entry.at)
        whole = self.boundary.call(results, self.names[entry.unit - 1], one.read, (packet,), packet, False)
        if self.record is not None and len(results) > before:
            self.record(results[before:])
        return whole

    cdef Packet earlier(self, const Out* out, const Entry* entry):
        """A packet of which a copy was kept."""
        raw = bytearray(out.text[entry.at : entry.at + entry.size])
        return Packets(np.frombuffer(raw, np.uint8, offset=ROW.itemsize), np.frombuffer(raw, ROW, 1)).at(0)

    cdef bint known(self, const Out* out, const Entry* entry, const Row* row) except -1:
        """Whether a fact is known; a known fact is counted. Kinds that end in a part of the message are never known:
        their text is not made yet.
        """
        cdef uint64_t kind = self.hashes[entry.kind]
        cdef uint64_t hashed
        cdef const uint64_t* about
        if kind == 0:
            return False
        hashed = self.novelty.value_hash(kind, out.text + entry.at, entry.size)
        if entry.what == FACT_ABOUT:
            about = &out.slots[entry.about]
            return self.novelty.known(row.ts, about[0], about[1], about[2], row.vlan, hashed)
        return self.novelty.known(row.ts, row.src_mac, row.src_hi, row.src_lo, row.vlan, hashed)

    cdef object observation(self, const Out* out, const Entry* entry, const Row* row):
        """A fact as an Observation."""
        kind, value = self.facts[entry.kind], self.text(out, entry)
        if self.hashes[entry.kind] == 0:
            rest, _, value = value.partition("\0")
            kind += rest
        if entry.what == FACT_ABOUT:
            subject = Subject(
                out.slots[entry.about], address(out.slots[entry.about + 1], out.slots[entry.about + 2]), row.vlan
            )
        else:
            subject = Subject(row.src_mac, address(row.src_hi, row.src_lo), row.vlan)
        return Observation(row.ts, subject, kind, value, row.flow)

    cdef str text(self, const Out* out, const Entry* entry):
        return (<const char*>out.text)[entry.at : entry.at + entry.size].decode("latin-1")


cdef object address(uint64_t hi, uint64_t lo):
    return (<object>hi << 64) | lo if hi else lo


def raised(fault):
    raise Malformed(fault)
