# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Recorder: collects the data of a batch for the traffic records. Messages of native dissectors are copied row by row,
without Python objects; those of Python dissectors are split into fields here; ended flows are copied from the flow
table's changes. ``take`` returns all data as bytes.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from sensor.core.bounded import Bounded
from sensor.core.event import kind_of
from sensor.core.observation import Observation
from sensor.core.packet cimport Packet, Packets
from sensor.core.row cimport Row
from sensor.native.out cimport ENDED as ENTRY_ENDED
from sensor.native.out cimport EVENT, PACKET, Messages, Out, Entry
from sensor.core.change cimport Change as ChangeRow
from sensor.records.buffer cimport Buffer, Bytes, Head, keep_text, let_go, more, section, waiting
from sensor.records.fields cimport copy, head_of_ends, head_of_packet, head_of_row, kept, put
from sensor.records.recorded cimport COUNTED, COUNT_EVERY, ENDED, MOST_KINDS, NEW, OTHER_VLANS, Count, Ended, Program
from sensor.records.traces cimport Trace, follow, is_icmp
from sensor.native.layout import fields_of
from sensor.native.units import KINDS
from sensor.records.messages import CONNECTIONS, COUNTS, MESSAGES, NOTES, NUMBERS
from sensor.records.registry import class_of

KNOWN_LIMIT = 65536  # flows: with a protocol known from Python dissectors; with a parsed ClientHello
# First words of kinds that are not application protocols.
NO_SERVICE = frozenset("arp icmp igmp mld ndp tcp malformed sender stp eapol lldp cdp".split())


cdef class Recorder:
    """``lost``, ``shed`` and ``dropped``: numbers of packets, messages and records missed so far; they are written with
    the next counts. ``rows``: number delivered so far; ``now``: packet time, ns.
    """

    cdef Buffer[MOST_KINDS] kinds
    cdef Buffer connections, notes
    cdef Program* programs
    cdef uint64_t[::1] owner
    cdef uint8_t[::1] service, flags
    cdef Trace* traces       # by slot of the flow table
    cdef Py_ssize_t slots, followed
    cdef Count[COUNTED] counts
    cdef list services
    cdef object recognized, named
    cdef dict known
    cdef int native_kinds
    cdef public uint64_t lost, shed, dropped
    cdef uint64_t reported_lost, reported_shed, reported_dropped
    cdef readonly uint64_t rows
    cdef readonly int64_t now
    cdef int64_t counted_since

    def __init__(self, Py_ssize_t flows):
        """``flows``: slots of the flow table."""
        import numpy as np

        self.owner = np.zeros(flows, np.uint64)
        self.service = np.zeros(flows, np.uint8)
        self.flags = np.zeros(flows, np.uint8)
        self.services, self.known = [b""], {}
        self.recognized, self.named = Bounded(KNOWN_LIMIT), Bounded(KNOWN_LIMIT)
        self.native_kinds = len(KINDS)
        self.programs = <Program*>calloc(self.native_kinds, sizeof(Program))
        self.traces, self.slots = <Trace*>calloc(flows, sizeof(Trace)), flows
        if self.programs == NULL or self.traces == NULL:
            raise MemoryError("programs and traces of records")
        for place, message in enumerate(MESSAGES):
            self.kinds[<int>place].head, self.kinds[<int>place].width = sizeof(Head), message.words
        self.connections.head, self.connections.width = sizeof(Ended), 3
        self.notes.head, self.notes.width = 0, 1
        for place, kind in enumerate(KINDS):
            self.compile(&self.programs[<int>place], kind)

    def __dealloc__(self):
        cdef int i
        for i in range(MOST_KINDS):
            let_go(&self.kinds[i])
        let_go(&self.connections)
        let_go(&self.notes)
        free(self.programs)
        free(self.traces)

    cdef int compile(self, Program* program, kind) except -1:
        """Prepare the copying of rows of a native class."""
        cdef int at = 0
        program.number, program.service = NUMBERS.get(kind.__name__, -1), self.service_of(kind)
        if program.number < 0 or class_of(MESSAGES[program.number]) is not kind:
            program.number = -1
            return 0
        slots = {}
        slot = 0
        for name, part in fields_of(kind).parts:
            slots[name], slot = slot, slot + part.size
        for name, how in MESSAGES[program.number].fields:
            program.field[at].how, program.field[at].slot = how, slots[name]
            at += 1
        program.fields = at
        return 0

    cdef int service_of(self, kind) except -1:
        """Number of the protocol of a class."""
        word = kind_of(kind).partition(".")[0]
        if word in NO_SERVICE:
            return 0
        raw = word.encode()
        if raw not in self.services:
            self.services.append(raw)
        return self.services.index(raw)

    # Data of a batch.

    def batch(self, Packets packets, tuple messages, changes):
        """Add the native messages and ended flows of one batch, after it was completely processed."""
        cdef ChangeRow[::1] changed = changes
        cdef Py_ssize_t at = 0, rows = packets.rows.shape[0] if packets is not None else 0
        cdef Messages one
        self.followed = 0
        if rows:
            self.count(packets, rows)
        for one in messages:
            at = self.some(one, packets, rows, changed, at)
        while at < changed.shape[0]:
            self.change(&changed[at], packets, rows)
            at += 1
        if rows:
            self.follow_until(packets, rows)

    cdef int follow_until(self, Packets packets, Py_ssize_t end) except -1:
        """Process the headers of the packets up to a row."""
        cdef const Row* row
        cdef Py_ssize_t i
        for i in range(self.followed, end):
            row = &packets.rows[i]
            if row.flow and 0 <= row.slot < self.slots:
                follow(&self.traces[row.slot], row)
        self.followed = max(self.followed, end)
        return 0

    cdef Py_ssize_t some(
        self, Messages messages, Packets packets, Py_ssize_t rows, ChangeRow[::1] changed, Py_ssize_t at
    ) except -1:
        """The messages of one part of the batch. Changes before a row come first, as do those of the previous flow in
        the same slot.
        """
        cdef Out* out = &messages.out
        cdef uint32_t i, until = 0
        cdef Entry* entry
        cdef Py_ssize_t index, last = -2
        cdef const Row* own = NULL
        cdef const Row* row = NULL
        cdef Program* program
        for i in range(out.entries_used):
            entry = &out.entries[i]
            index = entry.row + messages.start
            if entry.what == ENTRY_ENDED:
                until, row, own, last = i + 1 + entry.size, NULL, NULL, -2
                continue
            if i >= until and index != last:
                if not 0 <= index < rows:
                    continue
                own = row = &packets.rows[index]
                last = index
                while (
                    at < changed.shape[0]
                    and (changed[at].row < index or (changed[at].row == index and changed[at].flow != own.flow))
                ):
                    self.change(&changed[at], packets, rows)
                    at += 1
            if entry.what == PACKET:
                row = <const Row*>(out.text + entry.at) if entry.size else own
            elif entry.what == EVENT and row != NULL:
                program = &self.programs[entry.kind]
                if own != NULL and program.service and 0 <= own.slot < self.owner.shape[0]:
                    self.owner[own.slot], self.service[own.slot] = own.flow, <uint8_t>program.service
                if program.number >= 0:
                    self.native(program, out, entry, row)
        return at

    cdef int native(self, Program* program, const Out* out, const Entry* entry, const Row* row) except -1:
        """Add a message that a native dissector read."""
        cdef Buffer* buffer = &self.kinds[program.number]
        cdef Head* head = <Head*>more(&buffer.heads, sizeof(Head))
        cdef uint64_t* words = <uint64_t*>more(&buffer.words, buffer.width * sizeof(uint64_t))
        cdef uint32_t slot
        cdef int i, at = 0
        head_of_row(head, row)
        for i in range(program.fields):
            slot = entry.at + program.field[i].slot
            if slot + 2 > out.slots_used + 1:
                raise IndexError(f"slot {slot} of {out.slots_used}")
            at += copy(buffer, &words[at], program.field[i].how, out, slot)
        buffer.rows += 1
        self.rows += 1
        return 0

    cdef int change(self, const ChangeRow* change, Packets packets, Py_ssize_t rows) except -1:
        """A flow began or ended."""
        cdef const Row* row = &packets.rows[change.row] if 0 <= change.row < rows else NULL
        cdef Ended* ended
        cdef Trace* trace
        cdef uint64_t* words
        cdef Buffer* buffer = &self.connections
        cdef bytes service = b""
        if row != NULL:  # a packet that reuses the slot of another flow comes after that flow's end
            self.follow_until(packets, change.row + (row.flow == change.flow))
        if change.ts > self.now:
            self.now = change.ts
        if change.kind == NEW and row != NULL and 0 <= change.slot < self.flags.shape[0]:
            self.flags[change.slot] = row.tcp_flags if row.proto == 6 else <uint8_t>row.dport if is_icmp(row) else 0
            return 0
        if change.kind != ENDED:
            return 0
        ended = <Ended*>more(&buffer.heads, sizeof(Ended))
        memset(ended, 0, sizeof(Ended))
        ended.change = change[0]
        if 0 <= change.slot < self.flags.shape[0]:
            ended.first_flags = self.flags[change.slot]
            if self.owner[change.slot] == change.flow:
                service = self.services[self.service[change.slot]]
        if change.reason == 2 and row != NULL:
            ended.reset_by = 2 if row.direction else 1
        if 0 <= change.slot < self.slots and self.traces[change.slot].flow == change.flow:
            trace = &self.traces[change.slot]
            ended.traced, ended.missed, ended.letters = 1, trace.missed, trace.letters
            ended.client_data, ended.server_data = trace.bytes[0], trace.bytes[1]
        words = <uint64_t*>more(&buffer.words, 3 * sizeof(uint64_t))
        words[0] = words[1] = words[2] = 0
        if self.recognized:
            service = self.recognized.pop(change.flow) or service
        words[0] = keep_text(buffer, service, len(service))
        if self.named:
            named = self.named.pop(change.flow)
            if named is not None:
                words[1], words[2] = kept(buffer, named[0]), kept(buffer, named[1])
        buffer.rows += 1
        self.rows += 1
        return 0

    cdef int count(self, Packets packets, Py_ssize_t rows) except -1:
        """Count packets by interface and VLAN."""
        cdef Py_ssize_t i, place = 0
        cdef const Row* row
        cdef Count* count = &self.counts[0]
        for i in range(rows):
            row = &packets.rows[i]
            if row.ts > self.now:
                self.now = row.ts
            if not count.used or count.source != row.source or count.vlan != row.vlan:
                place = (row.vlan * 7 + row.source * 31) % COUNTED
                count = &self.counts[place]
                while count.used and (count.source != row.source or count.vlan != row.vlan) and place < COUNTED - 1:
                    place += 1
                    count = &self.counts[place]
            if not count.used:
                count.used = 1
                count.source = row.source
                count.vlan = row.vlan if place < COUNTED - 1 else OTHER_VLANS
                count.first = row.ts
                count.last = row.ts
            count.packets += 1
            count.bytes += row.wirelen
            if row.ts > count.last:
                count.last = row.ts
        if not self.counted_since:
            self.counted_since = self.now
        return 0

    # Results of Python dissectors.

    def add(self, entry):
        """Add one result of a Python dissector or a deriver."""
        if type(entry) is not Observation:
            self.event(entry)

    cdef int event(self, event) except -1:
        cdef int number, service
        kind = type(event)
        known = self.known.get(kind)
        if known is None:
            number = NUMBERS.get(kind.__name__, -1)
            if number >= 0 and class_of(MESSAGES[number]) is not kind:
                number = -1
            ends = number >= 0 and MESSAGES[number].ends
            known = self.known[kind] = (number, 0 if ends else self.service_of(kind), ends)
        number, service, ends = known
        if service:
            self.recognized.put((<Packet?>event.packet).flow, self.services[service])
        if number >= 0:
            self.python(number, event, ends)
        return 0

    cdef int python(self, int number, event, bint ends) except -1:
        """Write an object's fields like a native dissector."""
        cdef Buffer* buffer = &self.kinds[number]
        cdef Head* head = <Head*>more(&buffer.heads, sizeof(Head))
        cdef uint64_t* words = <uint64_t*>more(&buffer.words, buffer.width * sizeof(uint64_t))
        cdef int at = 0
        cdef Packet packet = event.packet
        head_of_packet(head, packet)
        if ends:
            head_of_ends(head, event)
        for name, how in MESSAGES[number].fields:
            at += put(buffer, &words[at], how, getattr(event, name))
        if hasattr(event, "ja4"):
            self.named.put(packet.flow, (event.sni, event.ja4))
        buffer.rows += 1
        self.rows += 1
        return 0

    def note(self, bytes record not None):
        """Add a record of the event log, a device or an alert, as JSON."""
        cdef Buffer* buffer = &self.notes
        cdef uint64_t* words = <uint64_t*>more(&buffer.words, sizeof(uint64_t))
        words[0] = <uint64_t>buffer.text.used << 32 | <uint32_t>len(record)
        memcpy(more(&buffer.text, len(record)), <const uint8_t*><const char*>record, len(record))
        buffer.rows += 1
        self.rows += 1

    # Delivery.

    def size(self):
        """Number of waiting bytes."""
        cdef size_t size = waiting(&self.connections) + waiting(&self.notes)
        cdef int i
        for i in range(MOST_KINDS):
            size += waiting(&self.kinds[i])
        return size

    def take(self, bint whole):
        """All waiting data, as consecutive sections. ``whole``: include the counts, which otherwise follow every ten
        seconds.
        """
        cdef Bytes out
        cdef int i
        memset(&out, 0, sizeof(Bytes))
        try:
            for i in range(MOST_KINDS):
                section(&out, <uint16_t>i, &self.kinds[i])
            section(&out, CONNECTIONS, &self.connections)
            section(&out, NOTES, &self.notes)
            if whole or self.now - self.counted_since >= <int64_t>COUNT_EVERY * 1_000_000_000:
                self.write_counts(&out)
            return (<const char*>out.data)[:out.used] if out.used else b""
        finally:
            free(out.data)

    cdef int write_counts(self, Bytes* out) except -1:
        """Write the counts since the last call; the first one includes the numbers of missed data."""
        cdef Buffer buffer
        cdef int i
        cdef Count* count
        memset(&buffer, 0, sizeof(Buffer))
        buffer.head = sizeof(Count)
        for i in range(COUNTED):
            if self.counts[i].used:
                count = <Count*>more(&buffer.heads, sizeof(Count))
                count[0] = self.counts[i]
                if buffer.rows == 0:
                    count.lost, count.shed = self.lost - self.reported_lost, self.shed - self.reported_shed
                    count.dropped = self.dropped - self.reported_dropped
                    self.reported_lost, self.reported_shed, self.reported_dropped = self.lost, self.shed, self.dropped
                buffer.rows += 1
        memset(&self.counts[0], 0, sizeof(Count) * COUNTED)
        self.counted_since = self.now
        section(out, COUNTS, &buffer)
        let_go(&buffer)
        return 0
