# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A keyed hash of some fields of an event and of its packet, computed from their rows without Python objects. Rows with
equal fields have equal hashes; rows with other fields have another hash but for a chance of 2**-64, which cannot be
provoked without the key.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from sensor.core.event_fields import PACKET
from sensor.core.row cimport CUT, ONE_SIDED, Row
from sensor.core.siphash cimport Sip, sip_begin, sip_end, sip_word
from sensor.native.out cimport Out
from sensor.native.view cimport BYTES, GROUP, TEXT, TUPLE

# Numbers of the fields of a packet, in the order of PACKET_FIELDS.
cdef enum:
    SRC, DST, SRC_MAC, DST_MAC, SPORT, DPORT, VLAN, FLOW, PROBLEM, PROTO, TTL, IP_VERSION, TCP_FLAGS, TRUNCATED, SIDED

PACKET_FIELDS = (
    "src", "dst", "src_mac", "dst_mac", "sport", "dport", "vlan", "flow", "problem", "proto", "ttl", "ip_version",
    "tcp_flags", "truncated", "one_sided",
)


def packet_number(name):
    """The number of a packet's field, by its name with prefix (``packet.src``); -1 for a field without a number."""
    return PACKET_FIELDS.index(name.removeprefix(PACKET)) if name.removeprefix(PACKET) in PACKET_FIELDS else -1


cdef class Content:
    def __init__(self, layout):
        """``layout``: a Layout."""
        self.code, self.size = layout.code, layout.size
        self.parts = tuple([Content(part) for _, part in layout.parts])

    cdef int add(self, Sip* s, const Out* out, uint32_t at) except -1:
        """Add the value at a slot. Raises IndexError if it lies outside the written rows."""
        cdef Content part
        cdef uint64_t slot
        cdef uint32_t first, count, i
        if <uint64_t>at + self.size > out.slots_used:
            raise IndexError(f"slot {at} of {out.slots_used}")
        if self.code == GROUP:
            for part in self.parts:
                part.add(s, out, at)
                at += part.size
            return 0
        slot = out.slots[at]
        first, count = <uint32_t>(slot >> 32), <uint32_t>slot
        if self.code == TEXT or self.code == BYTES:
            if <uint64_t>first + count > out.text_used:
                raise IndexError(f"text {first}+{count} of {out.text_used}")
            add_bytes(s, out.text + first, count)
        elif self.code == TUPLE:
            sip_word(s, count)
            part = self.parts[0]
            for i in range(count):
                part.add(s, out, first + i * part.size)
        else:
            for i in range(self.size):
                sip_word(s, out.slots[at + i])
        return 0

    cdef uint64_t bytes_of(self, const Out* out, uint32_t at) except? 0:
        """Bytes of the texts in the fields of a group. Raises IndexError if it lies outside the written rows."""
        cdef Content part
        cdef uint64_t total = 0
        if <uint64_t>at + self.size > out.slots_used:
            raise IndexError(f"slot {at} of {out.slots_used}")
        for part in self.parts:
            if part.code == TEXT or part.code == BYTES:
                total += <uint32_t>out.slots[at]
            at += part.size
        return total


cdef class RowHash:
    """The hash of some fields of one event class; ``packet.`` precedes names of the packet's fields."""

    def __init__(self, layout, fields):
        """``layout``: the Layout of the class; None for a class without rows. Raises KeyError for an unknown field."""
        cdef dict found = {}
        cdef uint32_t at = 0
        cdef list own = []
        if layout is not None:
            for name, part in layout.parts:
                found[name] = (at, Content(part))
                at += part.size
            own = [found[name] for name in fields if not name.startswith(PACKET)]
        self.contents, self.places = tuple([content for _, content in own]), [at for at, _ in own]
        self.packet = [packet_number(name) for name in fields if name.startswith(PACKET)]

    cdef uint64_t of(self, const Out* out, uint32_t at, const Row* row, uint64_t key0, uint64_t key1) except? 0:
        """The hash of the event whose first slot is ``at``, in the packet of a row."""
        cdef Sip s
        cdef Py_ssize_t i
        sip_begin(&s, key0, key1)
        for i in range(len(self.contents)):
            (<Content>self.contents[i]).add(&s, out, at + <uint32_t>self.places[i])
        return self.ended(&s, row)

    cdef uint64_t of_known(self, uint64_t content, const Row* row, uint64_t key0, uint64_t key1) except? 0:
        """The hash of an event without a row. ``content``: the same for the same content only."""
        cdef Sip s
        sip_begin(&s, key0, key1)
        sip_word(&s, content)
        return self.ended(&s, row)

    cdef uint64_t ended(self, Sip* s, const Row* row) except? 0:
        """Add the fields of the packet."""
        cdef int field
        for field in self.packet:
            if field == SRC or field == DST:
                sip_word(s, row.src_hi if field == SRC else row.dst_hi)
            sip_word(s, packet_word(row, field))
        return sip_end(s)


cdef object packet_value(const Row* row, int field):
    """The value of a packet's field, by its number."""
    cdef uint64_t high = row.src_hi if field == SRC else row.dst_hi if field == DST else 0
    return packet_word(row, field) if high == 0 else (<object>high << 64) | packet_word(row, field)


# reads one field
cdef inline uint64_t packet_word(const Row* row, int field) noexcept:
    """The value of a packet's field; of an address the lower half."""
    if field == SRC:
        return row.src_lo
    if field == DST:
        return row.dst_lo
    if field == SRC_MAC:
        return row.src_mac
    if field == DST_MAC:
        return row.dst_mac
    if field == SPORT:
        return row.sport
    if field == DPORT:
        return row.dport
    if field == VLAN:
        return row.vlan
    if field == FLOW:
        return row.flow
    if field == PROBLEM:
        return row.problem
    if field == PROTO:
        return row.proto
    if field == TTL:
        return row.ttl
    if field == IP_VERSION:
        return row.ip_version
    if field == TCP_FLAGS:
        return row.tcp_flags
    if field == TRUNCATED:
        return row.problem & CUT != 0
    return row.problem & ONE_SIDED != 0


# reads ``size`` bytes and no more
cdef inline int add_bytes(Sip* s, const uint8_t* data, uint32_t size) noexcept nogil:
    """Add the length and the bytes, so that no two sequences of texts are the same."""
    cdef uint64_t word
    cdef uint32_t at = 0
    sip_word(s, size)
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        sip_word(s, word)
        at += 8
    if at < size:
        word = 0
        memcpy(&word, data + at, size - at)
        sip_word(s, word)
    return 0
