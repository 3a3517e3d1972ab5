# cython: language_level=3, boundscheck=True
"""Containers for data that peers can cause to grow: limited in size and, where it matters, in age. In the core, nothing
else is keyed by data of peers.
"""

from itertools import islice

from cpython.object cimport Py_EQ, PyObject_RichCompareBool

# Up to this many entries a dict, which skips its removed entries one by one, finds the oldest fast enough by itself.
# Larger ones look up the next that may be evicted at once: at least NEXT, and one of SHARE entries.
cdef enum:
    SMALL = 256
    NEXT = 64
    SHARE = 256

# Keys whose time is over that a new one replaces: more than one, so that a table shrinks when traffic does.
FORGOTTEN = 2

cdef object NOTHING = object()


cdef class Bounded:
    """A map of at most ``size`` entries that evicts the least recently used. ``evicted`` counts evictions.

    A dict in order of use: half of the memory of an OrderedDict. Most maps are values of another map and have one
    entry; they have no dict, which would take 230 bytes. Half of all look-ups are of the entry used last, which
    is found without the dict.
    """

    cdef dict _entries  # None: at most one entry
    cdef dict _next  # of a large map: the oldest keys in order, without those that were used since
    cdef object _key, _value  # used last; NOTHING: removed, or there is none
    cdef readonly Py_ssize_t size, evicted

    def __init__(self, Py_ssize_t size):
        if size < 1:
            raise ValueError(f"size {size} of a bounded map: must be at least 1")
        self.size, self._key = size, NOTHING

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    def get(self, key):
        """The value of a key, or None; marks the entry as used."""
        if self._is_newest(key):
            return self._value
        if self._entries is None:
            return None
        value = self._entries.pop(key, NOTHING)
        if value is NOTHING:
            return None
        self._add(key, value)
        return value

    def put(self, key, value):
        """Store a value and mark it as used; returns the evicted entry, or None."""
        if self._entries is None:
            if self._key is NOTHING or self._is_newest(key):
                hash(key)
                self._key, self._value = key, value
                return None
            self._entries = {self._key: self._value}
        self._entries.pop(key, None)
        self._add(key, value)
        return None if len(self._entries) <= self.size else self._evict()

    cdef int _add(self, key, value) except -1:
        """Add an entry that the dict does not have."""
        self._entries[key] = value
        self._key, self._value = key, value
        if self._next:
            self._next.pop(key, None)
        return 0

    cdef tuple _evict(self):
        """Remove the least recently used entry."""
        cdef object oldest = self._first()
        self.evicted += 1
        if self._next:
            del self._next[oldest]
        return oldest, self._entries.pop(oldest)

    cdef object _first(self):
        """The key of the least recently used of several entries."""
        if self.size <= SMALL:
            return next(iter(self._entries))
        if not self._next:
            self._next = dict.fromkeys(islice(self._entries, max(NEXT, self.size // SHARE)))
        return next(iter(self._next))

    def pop(self, key):
        """Remove and return an entry; None if there is none."""
        value = None
        if self._is_newest(key):
            value, self._key, self._value = self._value, NOTHING, None
        if self._entries is None:
            return value
        if self._next:
            self._next.pop(key, None)
        return self._entries.pop(key, None)

    def clear(self):
        """Remove all entries, without counting them as evicted."""
        self._key, self._value, self._entries, self._next = NOTHING, None, None, None

    def oldest(self):
        """The least recently used entry; None if the map is empty."""
        if self._entries is None:
            return None if self._key is NOTHING else (self._key, self._value)
        if not self._entries:
            return None
        key = self._first()
        return key, self._entries[key]

    def newest(self):
        """The value of the most recently used entry; None if the map is empty."""
        if self._key is not NOTHING or self._entries is None:
            return self._value
        return next(reversed(self._entries.values()), None)

    cdef bint _is_newest(self, key) except -1:
        return self._key is not NOTHING and PyObject_RichCompareBool(self._key, key, Py_EQ)

    cdef dict _all(self):
        if self._entries is not None:
            return self._entries
        return {} if self._key is NOTHING else {self._key: self._value}

    def __contains__(self, key):
        return self._is_newest(key) or (self._entries is not None and key in self._entries)

    def __len__(self):
        return self._key is not NOTHING if self._entries is None else len(self._entries)

    def __iter__(self):
        return iter(self._all())

    def items(self):
        return iter(self._all().items())

    def values(self):
        return iter(self._all().values())


cdef class Recent:
    """At most ``size`` keys seen within the last ``window`` ns of packet time. A new key takes the place of keys whose
    window is over, so that the table follows the traffic of one window.
    """

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

    def __len__(self):
        """Number of keys."""
        return len(self._seen)

    def fresh(self, key, ts):
        """Whether the key was not seen within the window before ``ts``, which is recorded now. The window starts at the
        last sighting for which this returned True.
        """
        last = self._seen.get(key)
        if last is not None and abs(ts - last) < self.window:
            return False
        self._seen.put(key, ts)
        for _ in range(FORGOTTEN):
            oldest = self._seen.oldest()
            if ts - oldest[1] < self.window:
                break
            self._seen.pop(oldest[0])
        return True
