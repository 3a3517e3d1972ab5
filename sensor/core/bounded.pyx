# cython: language_level=3, boundscheck=True
"""Containers for data that peers can cause to grow: limited in size and, where it matters, in age. In the core, nothing
else is keyed by data of peers.
"""

from collections import OrderedDict


# Up to this many entries a plain dict, half as large, finds the oldest entry fast enough without a linked list.
cdef enum:
    SMALL = 256


cdef class Bounded:
    """A map of at most ``size`` entries that evicts the least recently used. ``evicted`` counts evictions."""

    cdef dict _small
    cdef object _large, _touch, _find
    cdef readonly Py_ssize_t size, evicted

    def __init__(self, Py_ssize_t size):
        if size < 1:
            raise ValueError(f"size {size} of a bounded map: must be at least 1")
        self.size = size
        if size <= SMALL:
            self._small = {}
        else:
            self._large = OrderedDict()
            self._touch, self._find = self._large.move_to_end, self._large.get

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    def get(self, key):
        """The value of a key, or None; marks the entry as used."""
        if self._small is None:
            value = self._find(key)
            if value is not None:
                self._touch(key)
            return value
        value = self._small.get(key)
        if value is not None and len(self._small) > 1:
            self._small[key] = self._small.pop(key)
        return value

    def put(self, key, value):
        """Store a value and mark it as used; returns the evicted entry, or None."""
        if self._small is None:
            self._large[key] = value
            self._touch(key)
            if len(self._large) <= self.size:
                return None
            self.evicted += 1
            return self._large.popitem(last=False)
        self._small.pop(key, None)
        self._small[key] = value
        if len(self._small) <= self.size:
            return None
        self.evicted += 1
        oldest = next(iter(self._small))
        return oldest, self._small.pop(oldest)

    def pop(self, key):
        """Remove and return an entry; None if there is none."""
        return self._entries().pop(key, None)

    def clear(self):
        """Remove all entries, without counting them as evicted."""
        self._entries().clear()

    def oldest(self):
        """The least recently used entry; None if the map is empty."""
        for entry in self._entries().items():
            return entry
        return None

    cdef object _entries(self):
        return self._large if self._small is None else self._small

    def __contains__(self, key):
        return key in self._entries()

    def __len__(self):
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
