# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The numerous parts of a record in compact form: addresses with their last use, facts with their counts, and the
evidence of the facts.

Times and counts are C fields, so that code with a reference to them (``novelty.pyx``) counts a fact with a few stores.
``version`` is incremented whenever an entry is removed: a cached position is valid as long as it does not change.
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLongMask
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cython cimport no_gc
from libc.string cimport memmove

# A claim of a fingerprint: attribute, value, confidence, fingerprint, family.
Claim = tuple[str, str, float, str, str]
Key = tuple[str, str]

cdef int split(object address, uint64_t* hi, uint64_t* lo) except -1:
    """An address as two 64-bit words."""
    cdef int wide = 0
    cdef long long low = PyLong_AsLongLongAndOverflow(address, &wide)
    if wide or low < 0:
        hi[0], lo[0] = PyLong_AsUnsignedLongLongMask(address >> 64), PyLong_AsUnsignedLongLongMask(address)
    else:  # IPv4-mapped, in most cases
        hi[0], lo[0] = 0, <uint64_t>low
    return 0


cdef class Addresses:
    """A map from an address to the time of its last use (ns), in order of insertion: 24 bytes each. For the few
    addresses of one device.
    """

    def __init__(self, some=()):
        for address, last in dict(some).items():
            self[address] = last

    def __dealloc__(self):
        PyMem_Free(self.uses)

    cdef int32_t place(self, uint64_t hi, uint64_t lo) except -2:
        cdef int32_t i
        for i in range(self.size):
            if self.uses[i].lo == lo and self.uses[i].hi == hi:
                return i
        return -1

    cdef int32_t _place(self, address) except -2:
        cdef uint64_t hi, lo
        split(address, &hi, &lo)
        return self.place(hi, lo)

    def __len__(self):
        return self.size

    def __contains__(self, address):
        return self._place(address) >= 0

    def __getitem__(self, address):
        cdef int32_t i = self._place(address)
        if i < 0:
            raise KeyError(address)
        return self.uses[i].last

    def get(self, address, default=None):
        cdef int32_t i = self._place(address)
        return self.uses[i].last if i >= 0 else default

    def __setitem__(self, address, int64_t last):
        cdef uint64_t hi, lo
        split(address, &hi, &lo)
        cdef int32_t i = self.place(hi, lo)
        if i < 0:
            self._grow()
            i = self.size
            self.uses[i].hi, self.uses[i].lo = hi, lo
            self.size += 1
        self.uses[i].last = last

    cdef int _grow(self) except -1:
        cdef Use* uses
        if self.size == self.room:
            uses = <Use*>PyMem_Realloc(self.uses, (2 * self.room or 1) * sizeof(Use))
            if uses == NULL:
                raise MemoryError
            self.uses, self.room = uses, 2 * self.room or 1
        return 0

    def __delitem__(self, address):
        if self.pop(address, None) is None:
            raise KeyError(address)

    def pop(self, address, default=None):
        """Remove an address and return the time of its last use; ``default`` if it is not there."""
        cdef int32_t i = self._place(address)
        if i < 0:
            return default
        last = self.uses[i].last
        self.size -= 1
        memmove(self.uses + i, self.uses + i + 1, (self.size - i) * sizeof(Use))
        self.version += 1
        return last

    def keys(self):
        return [self._address(i) for i in range(self.size)]

    def values(self):
        return [self.uses[i].last for i in range(self.size)]

    def items(self):
        return [(self._address(i), self.uses[i].last) for i in range(self.size)]

    cdef object _address(self, int32_t i):
        return <object>self.uses[i].hi << 64 | self.uses[i].lo if self.uses[i].hi else self.uses[i].lo

    def __iter__(self):
        return iter(self.keys())

    def copy(self):
        """A dictionary copy, which later packets do not change."""
        return dict(self.items())

    def __eq__(self, other):
        return self.copy() == (other.copy() if isinstance(other, Addresses) else other)

    def __repr__(self):
        return f"Addresses({self.copy()})"


@no_gc  # holds texts and tuples of texts: cannot be part of a cycle
cdef class Fact:
    """An observation that is kept: ``claims`` that fingerprints derived from it, or the name it gives (``rank``: trust
    in the name, -1 none). Repeats are only counted.

    ``first`` and ``last``: ns. A claim is (attribute, value, confidence, fingerprint, family); similar facts share the
    tuple of claims.
    """

    def __init__(
        self, str kind, str value, address, int64_t first, int64_t last, int32_t rank, tuple claims, int64_t count=1
    ):
        self.kind, self.value, self.claims = kind, value, claims
        split(address, &self.hi, &self.lo)
        self.first, self.last, self.rank, self.count = first, last, rank, count

    @property
    def address(self):
        """The address that it came from."""
        return <object>self.hi << 64 | self.lo if self.hi else self.lo

    @property
    def weight(self):
        """Its share of the device's limit on evidence."""
        return len(self.claims) or 1

    def absorb(self, Fact other):
        """Add the counts of the same fact from a merged record."""
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.count = self.count + other.count

    def believe(self, tuple claims):
        """Replace the claims, after a change of fingerprints."""
        self.claims = claims

    def proofs(self):
        """One piece of evidence for each claim."""
        return [Proof(self, claim) for claim in self.claims]


@no_gc
cdef class Proof:
    """A piece of evidence with the fields of ``core.observation.Evidence``. ``last`` and ``count`` are those of its
    fact at the last ``renew``.
    """

    def __init__(self, Fact fact, claim):
        self.fact, self.claim, self.last, self.count = fact, claim, fact.last, fact.count

    def __replace__(self, *, double confidence):
        """The same piece of evidence with another confidence, as for ``Evidence``."""
        attribute, value, _, fingerprint, family = self.claim
        return Proof(self.fact, (attribute, value, confidence, fingerprint, family))

    def renew(self):
        """Copy the present count and time of the fact."""
        self.last, self.count = self.fact.last, self.fact.count

    @property
    def attribute(self):
        return self.claim[0]

    @property
    def value(self):
        return self.claim[1]

    @property
    def confidence(self):
        return self.claim[2]

    @property
    def fingerprint(self):
        return self.claim[3]

    @property
    def family(self):
        return self.claim[4]

    @property
    def kind(self):
        return self.fact.kind

    @property
    def seen(self):
        return self.fact.value

    @property
    def first(self):
        return self.fact.first

    def __eq__(self, other):
        if not isinstance(other, Proof):
            return NotImplemented
        mine, theirs = self._values(), (<Proof>other)._values()
        return mine == theirs

    cdef tuple _values(self):
        return self.claim, self.fact.kind, self.fact.value, self.fact.first, self.last, self.count

    def __repr__(self):
        seen = f"first={self.first}, last={self.last}, count={self.count}"
        return f"Proof({tuple(self.claim)}, {self.kind!r}, {self.seen!r}, {seen})"


@no_gc
cdef class Facts:
    """The facts of one device, found by (kind, value), in order of insertion. There are few, so look-ups are linear.
    Facts without meaning are remembered by hash.
    """

    def __init__(self):
        self.some = ()

    def __dealloc__(self):
        PyMem_Free(self.idle)

    def ignores(self, key):
        """Whether a (kind, value) is known to have no meaning."""
        cdef int64_t hashed = hash(key)
        cdef int32_t i
        for i in range(self.idles):
            if self.idle[i] == hashed:
                return True
        return False

    def ignore(self, key, int32_t most):
        """Remember a fact as meaningless. Beyond ``most`` the others are forgotten."""
        cdef int64_t* idle
        if self.idles >= most:
            self.forget_idle()
        if self.idles == self.idle_room:
            idle = <int64_t*>PyMem_Realloc(self.idle, (2 * self.idle_room or 4) * sizeof(int64_t))
            if idle == NULL:
                raise MemoryError
            self.idle, self.idle_room = idle, 2 * self.idle_room or 4
        self.idle[self.idles] = hash(key)
        self.idles += 1

    def forget_idle(self):
        """Forget which facts have no meaning, since new fingerprints may match them."""
        PyMem_Free(self.idle)
        self.idle, self.idles, self.idle_room = NULL, 0, 0
        self.forgotten += 1

    cdef Fact of(self, str kind, str value):
        cdef Fact fact
        for fact in self.some:
            if fact.value == value and fact.kind == kind:
                return fact
        return None

    def get(self, key):
        """The fact of a (kind, value); None if there is none."""
        return self.of(key[0], key[1])

    def __getitem__(self, key):
        fact = self.of(key[0], key[1])
        if fact is None:
            raise KeyError(key)
        return fact

    def __contains__(self, key):
        return self.of(key[0], key[1]) is not None

    def __len__(self):
        return len(self.some)

    def __iter__(self):
        cdef Fact fact
        return iter([(fact.kind, fact.value) for fact in self.some])

    def keys(self):
        return list(self)

    def values(self):
        return list(self.some)

    def items(self):
        cdef Fact fact
        return [((fact.kind, fact.value), fact) for fact in self.some]

    def put(self, Fact fact):
        """Add a fact; it replaces one of the same kind and value."""
        cdef Fact other = self.of(fact.kind, fact.value)
        if other is None:
            self.some = (*self.some, fact)
        else:
            self.some = tuple([fact if one is other else one for one in self.some])
            self.version += 1

    def remove(self, Fact fact):
        self.some = tuple([one for one in self.some if one is not fact])
        self.version += 1

    def clear(self):
        self.some = ()
        self.version += 1
        self.forget_idle()


cdef class CompactRecord:
    """The part of a record that every packet may update, and its times and flags. These are C fields, because there are
    many records. See ``record.py``.
    """

    def __init__(self, int64_t ts, int32_t vlan):
        self.first = self.last = self.since = self.queued = ts
        self.vlan, self.addresses, self.held = vlan, Addresses(), Facts()


@no_gc  # holds addresses, texts and numbers: cannot be part of a cycle
cdef class CompactReport:
    """The fields of a report, of which every device has one. See ``reporting.py``."""
