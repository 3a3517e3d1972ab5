# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Novelty: which facts are already known. Known facts are counted in place with a few stores; only new ones are passed
to the inventory.

A table of fixed size, indexed by a keyed hash of (MAC, address, VLAN, kind, value), in buckets of four, from which the
entry not seen for longest is evicted. An entry refers to the record and the fact, and is valid as long as the record
exists and no address or fact was removed from it (``compact.pyx``), and no devices were merged or split (``forget``).
If it is invalid or was evicted, the inventory looks the fact up again, which takes longer and has the same result.

Two facts with the same hash would be taken for one: with n facts in the table, the probability is n / 2**64 for each
new one; without the key a collision cannot be provoked (``core/siphash.pxd``).
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM


from sensor.core.siphash cimport Sip, sip_begin, sip_bytes, sip_end, sip_word
from sensor.inventory.compact cimport Fact, CompactRecord, split

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    BUCKET = 4
    MOST_BITS = 24
    STAMP = 30  # a step of the stamp in bits of nanoseconds: about a second


cdef class Novelty:
    """``counted``: known facts; ``evicted``: valid entries that were evicted."""

    def __cinit__(self, int bits=16, key=0):
        """``bits``: room for 2**bits facts, 40 bytes each; ``key``: 128 bits, secret where peers could provoke
        collisions.
        """
        if not 2 <= bits <= MOST_BITS:
            raise ValueError(f"bits {bits}: 2 to {MOST_BITS}")
        split(key, &self.key1, &self.key0)
        self.entries = <Entry*>PyMem_Calloc(1 << bits, sizeof(Entry))
        if self.entries == NULL:
            raise MemoryError
        self.mask = (1 << bits) - BUCKET

    def __dealloc__(self):
        cdef uint64_t i
        if self.entries != NULL:
            for i in range(self.mask + BUCKET):
                _empty(&self.entries[i])
            PyMem_Free(self.entries)

    cpdef uint64_t kind_hash(self, str kind) except? 0:
        """The hash of a kind, from which the hashes of its values are computed."""
        return self._text(kind, self.key0)

    # reads ``size`` bytes and no more
    cdef uint64_t value_hash(self, uint64_t kind, const uint8_t* value, size_t size) noexcept nogil:
        """The hash of a kind and a value in UTF-8."""
        return sip_bytes(value, size, self.key0 ^ kind, self.key1)

    cpdef uint64_t hash_of(self, str kind, str value) except? 0:
        """The hash of a kind and a value."""
        return self._text(value, self.key0 ^ self._text(kind, self.key0))

    def known_to(self, int64_t ts, uint64_t mac, address, uint16_t vlan, uint64_t kind_value_hash):
        """``known`` for Python."""
        cdef uint64_t hi, lo
        split(address, &hi, &lo)
        return self.known(ts, mac, hi, lo, vlan, kind_value_hash)

    cdef bint known(
        self, int64_t ts, uint64_t mac, uint64_t hi, uint64_t lo, uint16_t vlan, uint64_t kind_value_hash
    ) except -1:
        """Whether the fact is known, or has no meaning; it is then counted, and its device is marked as seen."""
        cdef uint64_t key = self._key(mac, hi, lo, vlan, kind_value_hash)
        cdef Entry* entry = self.entries + (key & self.mask)
        cdef CompactRecord record
        cdef int i
        for i in range(BUCKET):
            if entry[i].key == key and entry[i].record != NULL:
                if not self._holds(&entry[i]):
                    return False
                record = <CompactRecord>entry[i].record
                if entry[i].fact != NULL:
                    (<Fact>entry[i].fact).count += 1
                    (<Fact>entry[i].fact).last = ts
                record.last = ts
                if 0 <= entry[i].place < record.addresses.size:
                    record.addresses.uses[entry[i].place].last = ts
                entry[i].stamp = <uint32_t>(ts >> STAMP)
                self.counted += 1
                return True
        return False

    def seen_before(self, observation):
        """``known`` for an Observation."""
        cdef uint64_t mac, hi, lo
        cdef uint16_t vlan
        _subject(observation, &mac, &hi, &lo, &vlan)
        return self.known(observation.ts, mac, hi, lo, vlan, self.hash_of(observation.kind, observation.value))

    def enter(self, observation, CompactRecord record not None, Fact fact):
        """Add a known fact of this endpoint; None: the observation has no meaning."""
        cdef uint64_t mac, hi, lo, key
        cdef uint16_t vlan
        cdef Entry* bucket
        cdef Entry* entry
        cdef int i
        _subject(observation, &mac, &hi, &lo, &vlan)
        key = self._key(mac, hi, lo, vlan, self.hash_of(observation.kind, observation.value))
        bucket = self.entries + (key & self.mask)
        entry = bucket
        for i in range(BUCKET):
            if bucket[i].record == NULL or bucket[i].key == key:
                entry = &bucket[i]
                break
            if bucket[i].stamp < entry.stamp:
                entry = &bucket[i]
        if entry.record != NULL and entry.key != key:
            self.evicted += self._holds(entry)
        _empty(entry)
        Py_INCREF(record)
        entry.record = <PyObject*>record
        if fact is not None:
            Py_INCREF(fact)
            entry.fact = <PyObject*>fact
        entry.key, entry.generation, entry.version = key, self.generation, _version(record, fact is not None)
        entry.stamp, entry.place = <uint32_t>(<int64_t>observation.ts >> STAMP), record.addresses.place(hi, lo)

    def forget(self):
        """Invalidate all entries: devices were merged or split, or fingerprints changed."""
        self.generation += 1

    cdef bint _holds(self, Entry* entry) except -1:
        cdef CompactRecord record = <CompactRecord>entry.record
        return (
            entry.generation == self.generation
            and entry.version == _version(record, entry.fact != NULL)
            and not record.dead
            and not record.gone
        )

    cdef uint64_t _text(self, str text, uint64_t key) except? 0:
        """The hash of a text in UTF-8. ASCII is hashed in place."""
        cdef bytes encoded
        if PyUnicode_IS_COMPACT_ASCII(text):
            return sip_bytes(<const uint8_t*>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), key, self.key1)
        encoded = text.encode("utf-8", "surrogatepass")
        return sip_bytes(encoded, len(encoded), key, self.key1)

    # arithmetic only
    cdef uint64_t _key(
        self, uint64_t mac, uint64_t hi, uint64_t lo, uint16_t vlan, uint64_t kind_value_hash
    ) noexcept nogil:
        cdef Sip s
        sip_begin(&s, self.key0, self.key1)
        sip_word(&s, mac | <uint64_t>vlan << 48)
        sip_word(&s, hi)
        sip_word(&s, lo)
        sip_word(&s, kind_value_hash)
        return sip_end(&s)


cdef inline uint32_t _version(CompactRecord record, bint fact) noexcept:  # adds two fields
    return record.addresses.version + (record.held.version if fact else record.held.forgotten)


cdef inline int _subject(observation, uint64_t* mac, uint64_t* hi, uint64_t* lo, uint16_t* vlan) except -1:
    """The endpoint that an observation is about."""
    subject = observation.subject
    if not isinstance(subject, tuple) or len(subject) != 3:
        raise TypeError("found no Subject")
    mac[0] = <object>PyTuple_GET_ITEM(subject, 0)
    split(<object>PyTuple_GET_ITEM(subject, 1), hi, lo)
    vlan[0] = <object>PyTuple_GET_ITEM(subject, 2)
    return 0


cdef inline int _empty(Entry* entry) except -1:
    """Free an entry, before the objects it owned."""
    cdef PyObject* record = entry.record
    cdef PyObject* fact = entry.fact
    entry.record = entry.fact = NULL
    if record != NULL:
        Py_DECREF(<object>record)
    if fact != NULL:
        Py_DECREF(<object>fact)
    return 0
