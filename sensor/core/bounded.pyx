# cython: language_level=3, boundscheck=True
"""Containers for data that peers can cause to grow: limited in size and, where it matters, in age. In the core, nothing
else is keyed by data of peers.
"""

from collections import OrderedDict

from cpython.object cimport Py_EQ, PyObject_RichCompareBool

# Up to this many entries a plain dict, half as large, finds the oldest entry fast enough without a linked list.
cdef enum:
    SMALL = 256

cdef object NOTHING = object()


cdef class Bounded:
    """A map of at most ``size`` entries that evicts the least recently used. ``evicted`` counts evictions.

    Most small maps are values of another map and have one entry: they have no dict, which would take 230 bytes.
    """

    # A small map with at most one entry has it in ``_key``, else NOTHING, and ``_value``.
    cdef dict _small
    cdef object _large, _touch, _find, _key, _value
    cdef readonly Py_ssize_t size, evicted

    def __init__(self, Py_ssize_t size):
        if size < 1:
            raise ValueError(f"size {size} of a bounded map: must be at least 1")
        self.size, self._key = size, NOTHING
        if size > SMALL:
            self._large = OrderedDict()
            self._touch, self._find = self._large.move_to_end, self._large.get

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    def get(self, key):
        """The value of a key, or None; marks the entry as used."""
        if self._large is not None:
            value = self._find(key)
            if value is not None:
                self._touch(key)
            return value
        if self._small is None:
            return self._value if self._is_single(key) else None
        value = self._small.get(key)
        if value is not None and len(self._small) > 1:
            self._small[key] = self._small.pop(key)
        return value

    def put(self, key, value):
        """Store a value and mark it as used; returns the evicted entry, or None."""
        if self._large is not None:
            self._large[key] = value
            self._touch(key)
            if len(self._large) <= self.size:
                return None
            self.evicted += 1
            return self._large.popitem(last=False)
        if self._small is None:
            if self._key is NOTHING or self._is_single(key):
                hash(key)
                self._key, self._value = key, value
                return None
            self._small = {self._key: self._value}
            self._key, self._value = NOTHING, None
        self._small.pop(key, None)
        self._small[key] = value
        if len(self._small) <= self.size:
            return None
        self.evicted += 1
        oldest = next(iter(self._small))
        return oldest, self._small.pop(oldest)

    def pop(self, key):
        """Remove and return an entry; None if there is none."""
        if self._large is not None:
            return self._large.pop(key, None)
        if self._small is not None:
            return self._small.pop(key, None)
        value = None
        if self._is_single(key):
            value, self._key, self._value = self._value, NOTHING, None
        return value

    def clear(self):
        """Remove all entries, without counting them as evicted."""
        self._key, self._value, self._small = NOTHING, None, None
        if self._large is not None:
            self._large.clear()

    def oldest(self):
        """The least recently used entry; None if the map is empty."""
        if self._key is not NOTHING:
            return self._key, self._value
        for entry in self._entries().items():
            return entry
        return None

    cdef bint _is_single(self, key) except -1:
        return self._key is not NOTHING and PyObject_RichCompareBool(self._key, key, Py_EQ)

    cdef object _entries(self):
        if self._large is not None:
            return self._large
        if self._small is not None:
            return self._small
        return {} if self._key is NOTHING else {self._key: self._value}

    def __contains__(self, key):
        if self._large is None and self._small is None:
            return self._is_single(key)
        return key in self._entries()

    def __len__(self):
        if self._large is None and self._small is None:
            return self._key is not NOTHING
        return len(self._entries())

    def __iter__(self):
        return iter(self._entries())

    def items(self):
        return iter(self._entries().items())

    def values(self):
        return iter(self._entries().values())


cdef class Recent:
    """At most ``size`` keys seen within the last ``window`` ns of packet time."""

    cdef Bounded _seen
    cdef readonly object window

    def __init__(self, size, window):
        self._seen = Bounded(size)
        self.window = window

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    @property
    def evicted(self):
        """Number of keys evicted, whether or not their window was over."""
        return self._seen.evicted

    def fresh(self, key, ts):
        """Whether the key was not seen within the window before ``ts``, which is recorded now. The window starts at the
        last sighting for which this returned True.
        """
        last = self._seen.get(key)
        if last is not None and abs(ts - last) < self.window:
            return False
        self._seen.put(key, ts)
        return True
