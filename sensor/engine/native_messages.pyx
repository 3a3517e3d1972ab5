# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Messages that native dissectors parsed from a batch, delivered in packet order. A known fact is counted in place;
Python objects are made for new facts and for events that have subscribers. A message that the native dissector passed
on is read by the Python dissector, guarded by the error boundary, unless the same was read before.
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
from sensor.engine.known_messages cimport KnownEvent, KnownFact, KnownMessages
from sensor.engine.unwanted cimport NO, UNKNOWN, YES, Unwanted
from sensor.evidence.frames cimport FrameRing
from sensor.inventory.novelty cimport Novelty
from sensor.native.layout import fields_of
from sensor.native.out cimport ENDED, EVENT, FACT, FACT_ABOUT, EMPTY, MALFORMED, PACKET, PUNTED, Messages, Out, Entry
from sensor.native.units import FACTS, KINDS, PUNTED_BY
from sensor.native.units import PUNTED as PUNTED_KINDS
from sensor.native.view cimport View

BROKEN_LIMIT = 1024


cdef class Current:
    """The message that is being delivered."""

    cdef Py_ssize_t index    # of its packet in the batch
    cdef uint64_t flow
    cdef const Row* own      # of its packet; NULL at the end of a flow
    cdef const Row* row      # of the packet that contains the present part
    cdef Packet first        # its packet, once it is needed
    cdef Packet packet       # that contains the present part
    cdef list results
    cdef str fault           # the dissector that found a part malformed; None: no part is
    cdef bint news           # it had a new fact
    cdef bint changed        # it had an event, which may have changed tables that decide what is wanted


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
    cdef readonly KnownMessages known_messages
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
        self.known_messages = KnownMessages(novelty, [fields_of(kind) for kind in PUNTED_KINDS])
        self.boundary = boundary
        self.names = list(names)
        self.views = [View(fields_of(kind)) for kind in KINDS]
        self.punted = [View(fields_of(kind)) for kind in PUNTED_KINDS]
        # 0: the message holds the rest of the kind
        self.hashes = [0 if fact.endswith(".") else novelty.kind_hash(fact) for fact in FACTS]
        self.facts = FACTS
        self.broken = Bounded(BROKEN_LIMIT)  # (flow, dissector): dropped since a message read by Python was malformed
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
        cdef uint8_t unit = entry.unit
        cdef bint at_end = entry.what == ENDED
        cdef uint32_t stop = self.next + 1 + entry.size if at_end else out.entries_used
        cdef Current now = Current.__new__(Current)
        now.index, now.results = entry.row + self.messages.start, []
        now.own = now.row = NULL if at_end else &self.packets.rows[now.index]
        now.flow = entry.flow if at_end else now.own.flow
        self.next += at_end
        if self.ring is not None and not at_end:
            self.keep_frame(now)
        while self.next < stop:
            entry = &out.entries[self.next]
            if entry.row + self.messages.start != now.index or entry.unit != unit or entry.what == ENDED:
                break
            self.next += 1
            self.part(now, out, entry)
        self.parsed += 1
        if self.evidence is not None and not at_end and (now.results or now.fault is not None):
            self.evidence.at(now.index)
        if now.results:
            self.dispatch(now.results)
        if now.fault is not None and not at_end:
            packet = now.first if now.first is not None else self.packet(now.index)
            self.dispatch((MalformedMessage(packet, now.fault),))
        return 0

    cdef int keep_frame(self, Current now) except -1:
        """Keep the frame of the packet for alerts, once."""
        if self.evidence.waiting:
            now.packet = now.first = self.made(self.packets, now.index)
        elif now.index != self.kept:
            self.ring.keep_row(self.packets.data, now.own)
        self.kept = now.index
        return 0

    cdef int part(self, Current now, const Out* out, const Entry* entry) except -1:
        """Process one entry."""
        if entry.what == EMPTY:
            return 0
        if entry.what == PACKET:
            now.row = <const Row*>(out.text + entry.at) if entry.size else now.own
            now.packet = self.earlier(out, entry) if entry.size else now.first
        elif entry.unit and self.broken and (now.flow, entry.unit) in self.broken:
            return 0
        elif entry.what == FACT or entry.what == FACT_ABOUT:
            # facts are delivered in order: after a new fact, all facts are delivered
            if now.news or not self.known(out, entry, now.row):
                now.results.append(self.observation(out, entry, now.row))
                now.news = True
        elif entry.what == EVENT:
            self.event(now, out, entry)
        elif entry.what == MALFORMED:
            self.call(now, [], self.names[entry.unit - 1], raised, (self.text(out, entry),))
        else:
            self.read(now, out, entry)
        return 0

    cdef int event(self, Current now, const Out* out, const Entry* entry) except -1:
        """Add an event that is wanted."""
        cdef int verdict
        if not self.subscribed[entry.kind]:
            return 0
        # At the end of a flow, an event may have no row.
        verdict = YES if now.row is NULL else self.unwanted.verdict(entry.kind, out, entry.at, now.row, now.changed)
        if verdict == NO:
            return 0
        event = (<View>self.views[entry.kind]).event(out, entry.at, self.packet_of(now))
        if verdict == UNKNOWN and not self.unwanted.evaluate(entry.kind, event, now.row, now.changed):
            return 0
        now.results.append(event)
        now.changed = True
        return 0

    cdef int read(self, Current now, const Out* out, const Entry* entry) except -1:
        """Add the results of a message that Python reads."""
        cdef Py_ssize_t before = len(now.results)
        cdef uint64_t key = self.known_messages.key_of(entry.kind, out, entry.at)
        cdef tuple known = self.known_messages.find(key) if now.row is not NULL else None
        if known is not None:
            for part in known:
                if type(part) is KnownFact:
                    self.recall_fact(now, part)
                else:
                    self.recall_event(now, part)
            return 0
        one = (<View>self.punted[entry.kind]).make(out, entry.at)
        good = self.call(now, now.results, PUNTED_BY[entry.kind], one.read, (self.packet_of(now),))
        now.news = now.changed = True
        results = now.results[before:]
        if self.record is not None and results:
            self.record(results)
        if good:
            self.known_messages.learn(key, results)
        elif entry.unit:
            self.broken.put((now.flow, entry.unit), True)
        return 0

    cdef int call(self, Current now, list results, str name, function, tuple arguments) except -1:
        """Add what a function of a dissector yields. Returns whether nothing is malformed."""
        cdef bint good = self.boundary.call(results, name, function, arguments, self.packet_of(now), False)
        if not good:
            now.fault = name
        return good

    cdef int recall_fact(self, Current now, KnownFact one) except -1:
        """Add a fact of a message that was read before, unless it is known of this host as well."""
        cdef const Row* row = now.row
        if now.news or not self.novelty.known(row.ts, row.src_mac, row.src_hi, row.src_lo, row.vlan, one.hashed):
            subject = Subject(row.src_mac, address(row.src_hi, row.src_lo), row.vlan)
            now.results.append(Observation(row.ts, subject, one.kind, one.value, row.flow))
            now.news = True
        return 0

    cdef int recall_event(self, Current now, KnownEvent one) except -1:
        """Add an event of a message that was read before, if it is wanted. Records contain it in any case."""
        cdef uint32_t kind = self.unwanted.number(one.made)
        cdef int verdict = self.unwanted.verdict_on_known(kind, one.content, now.row, now.changed)
        if verdict == NO and self.record is None:
            return 0
        event = one.made(self.packet_of(now), *one.values)
        if self.record is not None:
            self.record((event,))
        if verdict == NO or (
            verdict == UNKNOWN and not self.unwanted.evaluate(kind, event, now.row, now.changed)
        ):
            return 0
        now.results.append(event)
        now.changed = True
        return 0

    cdef Packet packet_of(self, Current now):
        """The packet of the present part."""
        if now.packet is None:
            now.packet = now.first = self.packet(now.index)
        return now.packet

    cdef Packet packet(self, Py_ssize_t index):
        """The packet of a row, whose frame is kept already."""
        return self.packets.at(index)

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
