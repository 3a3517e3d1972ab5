# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Recorder: what the engine keeps of a batch for the traffic records. Messages that native dissectors read are copied row by row, without an object; those
of Python dissectors are taken apart here; flows that ended are copied from the flow table's changes. ``take`` gives all of it as bytes.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from sensor.core.bounded import Bounded
from sensor.core.event import kind_of
from sensor.core.observation import Observation
from sensor.core.packet cimport Packet, Packets
from sensor.core.row cimport Row
from sensor.native.kinds cimport QUESTION_NAME, QUESTION_SLOTS, QUESTION_TYPE, RECORD_ADDRESS, RECORD_SLOTS, RECORD_TTL, RECORD_VALUE
from sensor.native.out cimport ENDED as SAID_ENDED
from sensor.native.out cimport EVENT, PACKET, Messages, Out, Said
from sensor.records.buffer cimport TEXT_MOST, Buffer, Bytes, Head, Section, keep_text, more
from sensor.core import addresses
from sensor.core.change cimport Change as ChangeRow
from sensor.native.layout import fields_of
from sensor.native.units import KINDS
from sensor.records.messages import CONNECTIONS, COUNTS, MESSAGES, NOTES, NUMBERS
from sensor.records.registry import class_of

KNOWN_LIMIT = 65536  # conversations whose protocol a Python dissector recognised, and whose ClientHello was read
# First words of kinds that name no application.
NO_SERVICE = frozenset("arp icmp igmp mld ndp tcp malformed sender stp eapol lldp cdp".split())

cdef enum:
    NUMBER = 1
    TEXT = 2
    ADDRESS = 3
    LIST = 4
    ANSWERS = 5
    QUESTIONS = 6
    MOST_KINDS = 64
    NEW = 1
    ENDED = 4
    COUNTED = 1024           # VLANs of interfaces that are counted apart; the last place is for all others
    OTHER_VLANS = 0xFFFF
    SEPARATOR = 0x1F
    LIST_MOST = 64           # items of a list
    COUNT_EVERY = 10         # seconds

# A field that is copied: how, and the slot of the native row at which it begins.
cdef struct Field:
    int how
    uint32_t slot

cdef struct Program:
    int number               # of the message; -1: not recorded
    int service              # index of its protocol; 0: none
    int fields
    Field[32] field

# Packets of one VLAN on one interface: sensor.records.block.COUNT, field for field.
ctypedef packed struct Count:
    int64_t first
    int64_t last
    uint64_t packets
    uint64_t bytes
    uint64_t lost
    uint64_t shed
    uint64_t dropped
    uint16_t source
    uint16_t vlan
    uint16_t used
    uint16_t spare

# Behind a Change: what else is known of the flow: sensor.records.block.CONNECTION.
ctypedef packed struct Ended:
    ChangeRow change
    uint8_t first_flags      # TCP flags of its first packet
    uint8_t reset_by         # 1: the client, 2: the server, 0: nobody or unknown
    uint8_t[6] spare


cdef class Recorder:
    """``lost``, ``shed`` and ``dropped``: so many packets, messages and records were missed so far; they are told with the next counts. ``rows``: handed over
    so far; ``now``: packet time, ns.
    """

    cdef Buffer[MOST_KINDS] kinds
    cdef Buffer connections, notes
    cdef Program* programs
    cdef uint64_t[::1] owner
    cdef uint8_t[::1] service, flags
    cdef Count[COUNTED] counts
    cdef list services
    cdef object spoken, named
    cdef dict known
    cdef int native_kinds
    cdef public uint64_t lost, shed, dropped
    cdef uint64_t told_lost, told_shed, told_dropped
    cdef readonly uint64_t rows
    cdef readonly int64_t now
    cdef int64_t counted_since

    def __init__(self, Py_ssize_t flows):
        """``flows``: slots of the flow table."""
        import numpy as np

        self.owner, self.service, self.flags = np.zeros(flows, np.uint64), np.zeros(flows, np.uint8), np.zeros(flows, np.uint8)
        self.services, self.known = [b""], {}
        self.spoken, self.named = Bounded(KNOWN_LIMIT), Bounded(KNOWN_LIMIT)
        self.native_kinds = len(KINDS)
        self.programs = <Program*>calloc(self.native_kinds, sizeof(Program))
        if self.programs == NULL:
            raise MemoryError("programs of records")
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

    cdef int compile(self, Program* program, kind) except -1:
        """How rows of a native class are copied."""
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
        """Number of the protocol that a class belongs to."""
        word = kind_of(kind).partition(".")[0]
        if word in NO_SERVICE:
            return 0
        raw = word.encode()
        if raw not in self.services:
            self.services.append(raw)
        return self.services.index(raw)

    # What a batch holds.

    def batch(self, Packets packets, tuple messages, changes):
        """The native messages and the flows that ended of one batch, after all of it was worked off."""
        cdef ChangeRow[::1] told = changes
        cdef Py_ssize_t at = 0, rows = packets.rows.shape[0] if packets is not None else 0
        cdef Messages one
        if rows:
            self.count(packets, rows)
        for one in messages:
            at = self.some(one, packets, rows, told, at)
        while at < told.shape[0]:
            self.change(&told[at], packets, rows)
            at += 1

    cdef Py_ssize_t some(self, Messages messages, Packets packets, Py_ssize_t rows, ChangeRow[::1] told, Py_ssize_t at) except -1:
        """The messages of one part of the batch. Changes before a row, and those that gave its place to another flow, come first."""
        cdef Out* out = &messages.out
        cdef uint32_t i, until = 0
        cdef Said* said
        cdef Py_ssize_t index, last = -2
        cdef const Row* own = NULL
        cdef const Row* row = NULL
        cdef Program* program
        for i in range(out.said_used):
            said = &out.said[i]
            index = said.row + messages.start
            if said.what == SAID_ENDED:
                until, row, own, last = i + 1 + said.size, NULL, NULL, -2
                continue
            if i >= until and index != last:
                if not 0 <= index < rows:
                    continue
                own = row = &packets.rows[index]
                last = index
                while at < told.shape[0] and (told[at].row < index or (told[at].row == index and told[at].flow != own.flow)):
                    self.change(&told[at], packets, rows)
                    at += 1
            if said.what == PACKET:
                row = <const Row*>(out.text + said.at) if said.size else own
            elif said.what == EVENT and row != NULL:
                program = &self.programs[said.kind]
                if own != NULL and program.service and 0 <= own.slot < self.owner.shape[0]:
                    self.owner[own.slot], self.service[own.slot] = own.flow, <uint8_t>program.service
                if program.number >= 0:
                    self.native(program, out, said, row)
        return at

    cdef int native(self, Program* program, const Out* out, const Said* said, const Row* row) except -1:
        """A message that a native dissector read."""
        cdef Buffer* buffer = &self.kinds[program.number]
        cdef Head* head = <Head*>more(&buffer.heads, sizeof(Head))
        cdef uint64_t* words = <uint64_t*>more(&buffer.words, buffer.width * sizeof(uint64_t))
        cdef uint32_t slot
        cdef int i, at = 0
        head_of_row(head, row)
        for i in range(program.fields):
            slot = said.at + program.field[i].slot
            if slot + 2 > out.slots_used + 1:
                raise IndexError(f"slot {slot} of {out.slots_used}")
            at += copy(buffer, &words[at], program.field[i].how, out, slot)
        buffer.rows += 1
        self.rows += 1
        return 0

    cdef int change(self, const ChangeRow* change, Packets packets, Py_ssize_t rows) except -1:
        """A flow that began or ended."""
        cdef const Row* row = &packets.rows[change.row] if 0 <= change.row < rows else NULL
        cdef Ended* ended
        cdef uint64_t* words
        cdef Buffer* buffer = &self.connections
        cdef bytes service = b""
        if change.ts > self.now:
            self.now = change.ts
        if change.kind == NEW and row != NULL and 0 <= change.slot < self.flags.shape[0]:
            self.flags[change.slot] = row.tcp_flags if row.proto == 6 else 0
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
        words = <uint64_t*>more(&buffer.words, 3 * sizeof(uint64_t))
        words[0] = words[1] = words[2] = 0
        if self.spoken:
            service = self.spoken.pop(change.flow) or service
        words[0] = keep_text(buffer, service, len(service))
        if self.named:
            named = self.named.pop(change.flow)
            if named is not None:
                words[1], words[2] = kept(buffer, named[0]), kept(buffer, named[1])
        buffer.rows += 1
        self.rows += 1
        return 0

    cdef int count(self, Packets packets, Py_ssize_t rows) except -1:
        """Packets by interface and VLAN."""
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
                count.used, count.source, count.vlan, count.first = 1, row.source, row.vlan if place < COUNTED - 1 else OTHER_VLANS, row.ts
                count.last = row.ts
            count.packets += 1
            count.bytes += row.wirelen
            if row.ts > count.last:
                count.last = row.ts
        if not self.counted_since:
            self.counted_since = self.now
        return 0

    # What is said in Python.

    def hear(self, said):
        """One thing that a Python dissector or a deriver said."""
        if type(said) is not Observation:
            self.event(said)

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
            self.spoken.put((<Packet?>event.packet).flow, self.services[service])
        if number >= 0:
            self.python(number, event, ends)
        return 0

    cdef int python(self, int number, event, bint ends) except -1:
        """An object's fields, as a native dissector would have written them."""
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
        """A record of the event log: a device or an alert, as JSON."""
        cdef Buffer* buffer = &self.notes
        cdef uint64_t* words = <uint64_t*>more(&buffer.words, sizeof(uint64_t))
        words[0] = <uint64_t>buffer.text.used << 32 | <uint32_t>len(record)
        memcpy(more(&buffer.text, len(record)), <const uint8_t*><const char*>record, len(record))
        buffer.rows += 1
        self.rows += 1

    # What is handed over.

    def size(self):
        """Bytes that wait."""
        cdef size_t size = waiting(&self.connections) + waiting(&self.notes)
        cdef int i
        for i in range(MOST_KINDS):
            size += waiting(&self.kinds[i])
        return size

    def take(self, bint whole):
        """All that waits, as sections one after the other. ``whole``: the counts as well, which otherwise come every ten seconds."""
        cdef Bytes out
        cdef int i
        memset(&out, 0, sizeof(Bytes))
        try:
            for i in range(MOST_KINDS):
                section(&out, <uint16_t>i, &self.kinds[i])
            section(&out, CONNECTIONS, &self.connections)
            section(&out, NOTES, &self.notes)
            if whole or self.now - self.counted_since >= <int64_t>COUNT_EVERY * 1_000_000_000:
                self.tell_counts(&out)
            return (<const char*>out.data)[:out.used] if out.used else b""
        finally:
            free(out.data)

    cdef int tell_counts(self, Bytes* out) except -1:
        """What was counted since it was told last; what was missed stands in the first of them."""
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
                    count.lost, count.shed = self.lost - self.told_lost, self.shed - self.told_shed
                    count.dropped = self.dropped - self.told_dropped
                    self.told_lost, self.told_shed, self.told_dropped = self.lost, self.shed, self.dropped
                buffer.rows += 1
        memset(&self.counts[0], 0, sizeof(Count) * COUNTED)
        self.counted_since = self.now
        section(out, COUNTS, &buffer)
        let_go(&buffer)
        return 0


cdef int let_go(Buffer* buffer) except -1:
    free(buffer.heads.data)
    free(buffer.words.data)
    free(buffer.text.data)
    return 0


cdef size_t waiting(Buffer* buffer) noexcept:  # arithmetic only
    return buffer.heads.used + buffer.words.used + buffer.text.used


cdef int section(Bytes* out, uint16_t kind, Buffer* buffer) except -1:
    """The rows of a kind behind the others; the buffer is empty afterwards."""
    cdef Section* head
    if buffer.rows == 0:
        return 0
    head = <Section*>more(out, sizeof(Section))
    head.kind, head.head, head.words, head.spare = kind, buffer.head, buffer.width, 0
    head.rows, head.text = buffer.rows, <uint32_t>buffer.text.used
    if buffer.heads.used:
        memcpy(more(out, buffer.heads.used), buffer.heads.data, buffer.heads.used)
    if buffer.words.used:
        memcpy(more(out, buffer.words.used), buffer.words.data, buffer.words.used)
    if buffer.text.used:
        memcpy(more(out, buffer.text.used), buffer.text.data, buffer.text.used)
    buffer.heads.used = buffer.words.used = buffer.text.used = 0
    buffer.rows = 0
    return 0


cdef int head_of_row(Head* head, const Row* row) except -1:
    memset(head, 0, sizeof(Head))
    head.ts, head.flow = row.ts, row.flow
    head.src_hi, head.src_lo, head.dst_hi, head.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
    head.src_mac, head.dst_mac, head.sport, head.dport = row.src_mac, row.dst_mac, row.sport, row.dport
    head.vlan, head.source, head.proto, head.direction = row.vlan, row.source, row.proto, row.direction
    return 0


cdef int head_of_packet(Head* head, Packet packet) except -1:
    memset(head, 0, sizeof(Head))
    head.ts, head.flow = packet.ts, packet.flow
    head.src_hi, head.src_lo, head.dst_hi, head.dst_lo = packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo
    head.src_mac, head.dst_mac, head.sport, head.dport = packet.src_mac, packet.dst_mac, packet.sport, packet.dport
    head.vlan, head.source, head.proto, head.direction = packet.vlan, packet.source, packet.proto, packet.direction
    return 0


cdef int head_of_ends(Head* head, event) except -1:
    """Client and server as the event names them."""
    client, server = event.client, event.server
    head.src_mac, head.dst_mac, head.sport, head.dport = client.mac, server.mac, event.client_port, event.server_port
    head.src_hi, head.src_lo = client.address >> 64, client.address & 0xFFFFFFFFFFFFFFFF
    head.dst_hi, head.dst_lo = server.address >> 64, server.address & 0xFFFFFFFFFFFFFFFF
    head.direction = 0
    return 0


cdef int copy(Buffer* buffer, uint64_t* words, int how, const Out* out, uint32_t slot) except -1:
    """A field of a native row; returns how many words it took."""
    cdef uint64_t value = out.slots[slot]
    if how == NUMBER:
        words[0] = value
    elif how == TEXT:
        words[0] = keep_text(buffer, text_at(out, value), <uint32_t>value)
    elif how == ADDRESS:
        words[0], words[1] = value, out.slots[slot + 1]
        return 2
    elif how == LIST:
        words[0] = texts(buffer, out, value, 1, 0)
    elif how == ANSWERS:
        words[0], words[1] = answers(buffer, out, value, &words[1]), words[1]
        return 2
    else:
        words[0] = texts(buffer, out, value, QUESTION_SLOTS, QUESTION_NAME)
        words[1] = out.slots[(value >> 32) + QUESTION_TYPE] if <uint32_t>value else 0
        return 2
    return 1


cdef const uint8_t* text_at(const Out* out, uint64_t span) except NULL:
    """Where a text begins. IndexError where it does not lie in what was written."""
    if (span >> 32) + <uint32_t>span > out.text_used:
        raise IndexError(f"text {span >> 32}+{<uint32_t>span} of {out.text_used}")
    return out.text + (span >> 32)


cdef uint64_t texts(Buffer* buffer, const Out* out, uint64_t items, uint32_t slots, uint32_t place) except? 0xFFFFFFFF:
    """The texts of a tuple's items, joined. ``slots``: of an item; ``place``: that of its text."""
    cdef uint32_t first = <uint32_t>(items >> 32), count = min(<uint32_t>items, <uint32_t>LIST_MOST), i
    cdef size_t start = buffer.text.used
    cdef uint64_t span
    if first + <uint64_t>count * slots > out.slots_used:
        raise IndexError(f"slots {first}+{count}*{slots} of {out.slots_used}")
    for i in range(count):
        span = out.slots[first + i * slots + place]
        if buffer.text.used - start + <uint32_t>span > TEXT_MOST:
            break
        if <uint32_t>span:
            separate(buffer, start)
            keep_text(buffer, text_at(out, span), <uint32_t>span)
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef uint64_t answers(Buffer* buffer, const Out* out, uint64_t items, uint64_t* ttl) except? 0xFFFFFFFF:
    """What DNS records lead to, joined, and the lowest time to live."""
    cdef uint32_t first = <uint32_t>(items >> 32), count = min(<uint32_t>items, <uint32_t>LIST_MOST), i
    cdef size_t start = buffer.text.used
    cdef const uint64_t* record
    ttl[0] = 0
    if first + <uint64_t>count * RECORD_SLOTS > out.slots_used:
        raise IndexError(f"slots {first}+{count}*{RECORD_SLOTS} of {out.slots_used}")
    for i in range(count):
        record = &out.slots[first + i * RECORD_SLOTS]
        if i == 0 or record[RECORD_TTL] < ttl[0]:
            ttl[0] = record[RECORD_TTL]
        if buffer.text.used - start + <uint32_t>record[RECORD_VALUE] > TEXT_MOST:
            break
        if record[RECORD_ADDRESS] or record[RECORD_ADDRESS + 1]:
            separate(buffer, start)
            put_address(buffer, record[RECORD_ADDRESS], record[RECORD_ADDRESS + 1])
        elif <uint32_t>record[RECORD_VALUE]:
            separate(buffer, start)
            keep_text(buffer, text_at(out, record[RECORD_VALUE]), <uint32_t>record[RECORD_VALUE])
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef int separate(Buffer* buffer, size_t start) except -1:
    """Between two items of a list."""
    if buffer.text.used > start:
        more(&buffer.text, 1)[0] = SEPARATOR
    return 0


cdef int put_address(Buffer* buffer, uint64_t hi, uint64_t lo) except -1:
    """An address as text: IPv4 here, since there are many."""
    cdef int shift, part
    cdef uint8_t[16] text
    cdef int at = 0
    if hi == 0 and lo >> 32 == 0xFFFF:
        for shift in range(24, -1, -8):
            part = <int>(lo >> shift & 255)
            if part >= 100:
                text[at] = <uint8_t>(48 + part // 100)
                at += 1
            if part >= 10:
                text[at] = <uint8_t>(48 + part // 10 % 10)
                at += 1
            text[at], text[at + 1] = <uint8_t>(48 + part % 10), c"."
            at += 2
        keep_text(buffer, &text[0], at - 1)
        return 0
    kept(buffer, addresses.text(<object>hi << 64 | lo))
    return 0


# The same of objects.

cdef int put(Buffer* buffer, uint64_t* words, int how, value) except -1:
    """A field of an object; returns how many words it took."""
    if how == NUMBER:
        words[0] = <uint64_t>(<object>value & 0xFFFFFFFFFFFFFFFF)
    elif how == TEXT:
        words[0] = kept(buffer, value)
    elif how == ADDRESS:
        words[0], words[1] = value >> 64, value & 0xFFFFFFFFFFFFFFFF
        return 2
    elif how == LIST:
        words[0] = joined(buffer, value)
    elif how == ANSWERS:
        words[0] = joined(buffer, [addresses.text(one.address) if one.address else one.value for one in value[:LIST_MOST]])
        words[1] = min([one.ttl for one in value[:LIST_MOST]], default=0)
        return 2
    else:
        words[0] = joined(buffer, [one.name for one in value])
        words[1] = value[0].type if value else 0
        return 2
    return 1


cdef uint64_t joined(Buffer* buffer, items) except? 0xFFFFFFFF:
    """Texts of a list, those that are empty left out."""
    cdef size_t start = buffer.text.used
    for item in items[:LIST_MOST]:
        if item and buffer.text.used - start + len(item) <= TEXT_MOST:
            separate(buffer, start)
            kept(buffer, item)
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef uint64_t kept(Buffer* buffer, str text) except? 0xFFFFFFFF:
    """A text as UTF-8."""
    cdef Py_ssize_t size
    cdef const char* raw
    cdef bytes odd
    try:
        raw = PyUnicode_AsUTF8AndSize(text, &size)
    except UnicodeEncodeError:
        odd = text.encode("utf-8", "replace")
        return keep_text(buffer, odd, len(odd))
    return keep_text(buffer, <const uint8_t*>raw, size)
