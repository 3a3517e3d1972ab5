# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Kernel for detectors of forged DNS answers: IDs of queries, the first answer to each query, and the last public
address of each name, for many lookups at once.

Tables of fixed size, keyed by a hash. Each key can be in four slots; if all are in use, the entry written longest ago
is evicted.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from typing import NamedTuple

from sensor.core.packet cimport Packet
from sensor.counting.shared cimport joined

cdef enum:
    WAYS = 4
    MOST_BITS = 24
    IDS = 8  # of the last queries for a name
    BITS = 16  # of an ID


cdef struct Slot:
    uint64_t key  # 0: empty
    int64_t ts
    uint64_t one, two
    uint32_t more


class Answer(NamedTuple):
    """An answer: its time, MAC and TTL of the frame, and its records (not kept for earlier answers of a server)."""

    ts: int
    mac: int
    ttl: int
    records: tuple

    def is_from(self, other):
        """Whether the same host can have sent both."""
        return self.mac == other.mac and self.ttl == other.ttl


class SuspiciousAnswer(NamedTuple):
    """What makes an answer suspicious. ``first``: an earlier answer to the same query, sent by another host; ``usual``:
    the first answer of this server to this client, if known; ``unsolicited``: its ID matches none of the queries for
    the name that were seen.
    """

    first: object
    usual: object
    unsolicited: bool


class PublicAddress(NamedTuple):
    """The last public address of a name for one client, 0 if it had none; ``inside``: the name resolved to an internal
    one before.
    """

    ts: int
    address: int
    ttl: int
    inside: bool


cdef class Slots:
    """2**bits slots; ``evicted`` counts evictions."""

    cdef Slot* slots
    cdef uint64_t mask
    cdef readonly Py_ssize_t evicted

    def __cinit__(self, int bits):
        if not 2 <= bits <= MOST_BITS:
            raise ValueError(f"bits {bits}: 2 to {MOST_BITS}")
        self.slots = <Slot*>PyMem_Calloc(1 << bits, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.mask = (1 << bits) - WAYS

    def __dealloc__(self):
        PyMem_Free(self.slots)

    cdef Slot* find(self, uint64_t key) noexcept:  # stays in the table
        """The slot of a key; NULL if there is none."""
        cdef Slot* at = self.slots + (key & self.mask)
        cdef int i
        for i in range(WAYS):
            if at[i].key == key:
                return &at[i]
        return NULL

    cdef Slot* take(self, uint64_t key) noexcept:  # stays in the table
        """The slot of a key that has none yet."""
        cdef Slot* at = self.slots + (key & self.mask)
        cdef Slot* oldest = at
        cdef int i
        for i in range(WAYS):
            if at[i].key == 0:
                oldest = &at[i]
                break
            if at[i].ts < oldest.ts:
                oldest = &at[i]
        self.evicted += oldest.key != 0
        oldest.key, oldest.ts, oldest.one, oldest.two, oldest.more = key, 0, 0, 0, 0
        return oldest


cdef class DnsAnswers:
    """Queries and answers of the last seconds. ``bits``: each table has 2**bits entries."""

    cdef readonly Slots queries, answers, servers
    cdef list records  # of each slot of ``answers``: (name, records)

    def __init__(self, int bits=12):
        self.queries, self.answers, self.servers = Slots(bits), Slots(bits), Slots(bits)
        self.records = [None] * (1 << bits)

    def query(self, Packet packet not None, str name not None, uint16_t number):
        """Note the ID of a query."""
        cdef uint64_t key = pair_of(packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo, hash_of(name))
        cdef Slot* slot = self.queries.find(key)
        if slot == NULL:
            slot = self.queries.take(key)
        slot.two = slot.two << BITS | slot.one >> (64 - BITS)
        slot.one = slot.one << BITS | number
        slot.ts, slot.more = packet.ts, min(slot.more + 1, <uint32_t>IDS)

    def answer(
        self, Packet packet not None, str name not None, uint16_t number, uint16_t kind, tuple records not None,
        int64_t apart,
    ):
        """Note an answer; returns None if nothing is suspicious. ``kind``: type of the records that matter; ``apart``:
        maximum ns between two answers to one query.
        """
        cdef uint64_t named = hash_of(name), key
        cdef Slot* slot
        cdef bint unsolicited
        cdef object first = None, usual = None
        if not addressed(records, kind):
            return None
        key = pair_of(packet.dst_hi, packet.dst_lo, packet.src_hi, packet.src_lo, named)
        slot = self.queries.find(key)
        unsolicited = slot != NULL and not contains(slot, number)
        key = joined(joined(key, <uint64_t>packet.dport << 32 | <uint64_t>number << 16 | kind), packet.vlan) or 1
        slot = self.answers.find(key)
        if slot == NULL or packet.ts - slot.ts > apart:
            self.begin(packet, key, slot, (name, records))
        elif slot.one != packet.src_mac or slot.two != packet.ttl:
            first = self.first(slot, name)
            usual = self.usual(packet)
        return SuspiciousAnswer(first, usual, unsolicited) if first is not None or unsolicited else None

    cdef int begin(self, Packet packet, uint64_t key, Slot* slot, tuple kept) except -1:
        """Note the first answer to a query, and the first of its server."""
        cdef Slot* server
        if slot == NULL:
            slot = self.answers.take(key)
        slot.ts, slot.one, slot.two = packet.ts, packet.src_mac, packet.ttl
        self.records[slot - self.answers.slots] = kept
        key = server_of(packet)
        if self.servers.find(key) == NULL:
            server = self.servers.take(key)
            server.ts, server.one, server.two = packet.ts, packet.src_mac, packet.ttl
        return 0

    cdef object first(self, Slot* slot, str name):
        """The first answer to the query for this name; None if another name has the same hash."""
        known, records = self.records[slot - self.answers.slots]
        return Answer(slot.ts, slot.one, slot.two, records) if known == name else None

    cdef object usual(self, Packet packet):
        cdef Slot* slot = self.servers.find(server_of(packet))
        return None if slot == NULL else Answer(slot.ts, slot.one, slot.two, ())


cdef class PublicAddresses:
    """The last public address of each name and client. ``bits``: 2**bits entries."""

    cdef Slots slots

    def __init__(self, int bits=13):
        self.slots = Slots(bits)

    @property
    def evicted(self):
        return self.slots.evicted

    def resolved(self, Packet packet not None, str name not None, address, uint32_t ttl, bint inside):
        """Note an answer with this public address; ``inside``: it contained an internal address as well."""
        cdef Slot* slot = self.slot(packet, name)
        slot.ts, slot.one, slot.two = packet.ts, address >> 64, address & 0xFFFFFFFFFFFFFFFF
        slot.more = min(ttl, <uint32_t>0x7FFFFFFF) << 1 | (slot.more & 1) | inside

    def resolved_inside(self, Packet packet not None, str name not None):
        """Note an answer with internal addresses only, to a name that had no public one."""
        cdef Slot* slot = self.slot(packet, name)
        slot.ts = packet.ts
        slot.more |= 1

    def last(self, Packet packet not None, str name not None):
        """The last public address of a name; None if no answer was noted."""
        cdef Slot* slot = self.slots.find(client_and(packet, name))
        if slot == NULL:
            return None
        return PublicAddress(slot.ts, <object>slot.one << 64 | slot.two, slot.more >> 1, bool(slot.more & 1))

    cdef Slot* slot(self, Packet packet, str name) except NULL:
        """The slot of a name, a new one if it has none."""
        cdef uint64_t key = client_and(packet, name)
        cdef Slot* slot = self.slots.find(key)
        return self.slots.take(key) if slot == NULL else slot


cdef uint64_t hash_of(str name) except? 0:
    """FNV-1a over a name in UTF-8."""
    cdef Py_ssize_t size = 0, i
    cdef const char* text = PyUnicode_AsUTF8AndSize(name, &size)
    cdef uint64_t hashed = <uint64_t>0xCBF29CE484222325
    for i in range(size):
        hashed = (hashed ^ <uint8_t>text[i]) * <uint64_t>0x100000001B3
    return hashed


cdef uint64_t client_and(Packet answer, str name) except? 0:
    """The key of a name, and of the client that receives the answer."""
    return joined(hash_of(name), joined(answer.dst_hi, answer.dst_lo)) or 1


cdef inline uint64_t pair_of(
    uint64_t client_hi, uint64_t client_lo, uint64_t server_hi, uint64_t server_lo, uint64_t named
) noexcept:  # arithmetic only
    """The key of a client, a server and a name."""
    return joined(joined(joined(client_hi, client_lo), joined(server_hi, server_lo)), named) or 1


cdef inline uint64_t server_of(Packet answer) noexcept:  # arithmetic only
    """The key of the ends of an answer."""
    return pair_of(answer.dst_hi, answer.dst_lo, answer.src_hi, answer.src_lo, answer.vlan)


cdef inline bint contains(const Slot* slot, uint16_t number) noexcept:  # arithmetic only
    """Whether this is the ID of one of the last queries."""
    cdef uint64_t ids = slot.one
    cdef uint32_t i
    for i in range(slot.more):
        if i == IDS // 2:
            ids = slot.two
        if <uint16_t>ids == number:
            return True
        ids >>= BITS
    return False


cdef bint addressed(tuple records, uint16_t kind) except -1:
    """Whether there is an address of this type among the records."""
    for record in records:
        if record.type == kind:
            return True
    return False
