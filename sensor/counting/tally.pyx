# cython: language_level=3, boundscheck=True
"""Counting for detectors that inspect events one by one: number of events, and of distinct values, within a window of
packet time. Limited in keys and values.

For flow changes in bulk there are the kernels of ``windows`` and ``rates``; these two classes are for the few events
that reach Python. A new key takes the place of keys whose window is over, so that a table follows the traffic of one
window.
"""

from libc.stdint cimport int64_t

from sensor.core.bounded import FORGOTTEN, Bounded

# Number of parts in a window; events in the oldest part may expire up to one part early.
PARTS = 8
KEYS_LIMIT = 4096
VALUES_LIMIT = 256

cdef enum:
    N = 8  # PARTS


cdef class _Parts:
    """The counts of each part of the window, which ends with the part ``last``."""

    cdef int64_t last
    cdef int64_t[N] counts

    def __cinit__(self, int64_t last):
        self.last = last
        self.clear()

    cdef int clear(self) except -1:
        cdef int i
        for i in range(N):
            self.counts[i] = 0
        return 0


cdef class Counts:
    """Number of events per key in the last ``window`` ns. At most ``keys`` keys; the one counted longest ago is
    evicted.
    """

    cdef int64_t _width
    cdef object _counts, _find

    def __init__(self, window, keys=KEYS_LIMIT):
        self._width = max(window // PARTS, 1)
        self._counts = Bounded(keys)
        self._find = self._counts.get

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    def add(self, key, int64_t ts, int64_t amount=1):
        """Count ``amount`` at ``ts`` (ns); returns the count in the window."""
        cdef int64_t part = ts // self._width, passed, step, total = 0
        cdef int i
        cdef _Parts counts = self._find(key)
        if counts is None:
            counts = _Parts(part)
            self._counts.put(key, counts)
            self._forget_expired(part)
        passed = part - counts.last
        if passed > 0:
            for step in range(min(passed, <int64_t>N)):
                counts.counts[(part - step) % N] = 0
            counts.last = part
        elif passed <= -N:  # the clock was set back
            counts.clear()
            counts.last = part
        counts.counts[part % N] += amount
        for i in range(N):
            total += counts.counts[i]
        return total

    cdef int _forget_expired(self, int64_t part) except -1:
        """Remove the least recently used keys if their window is over."""
        cdef int i
        for i in range(FORGOTTEN):
            oldest = self._counts.oldest()
            if part - (<_Parts>oldest[1]).last < N:
                break
            self._counts.pop(oldest[0])
        return 0

    @property
    def evicted(self):
        """Number of evicted keys."""
        return self._counts.evicted

    def __len__(self):
        """Number of keys."""
        return len(self._counts)

    def forget(self, key):
        self._counts.pop(key)


cdef class Distinct:
    """The distinct values of each key in the last ``window`` ns: at most ``keys`` keys with ``values`` values each;
    those seen longest ago are evicted.
    """

    cdef int64_t _window
    cdef Py_ssize_t _most
    cdef object _seen, _find

    def __init__(self, window, keys=KEYS_LIMIT, values=VALUES_LIMIT):
        self._window, self._most = window, values
        self._seen = Bounded(keys)
        self._find = self._seen.get

    @classmethod
    def __class_getitem__(cls, _):
        return cls

    def add(self, key, value, int64_t ts):
        """Add a value at ``ts`` (ns); returns the number of distinct values in the window."""
        seen = self._find(key)
        if seen is None:
            seen = Bounded(self._most)
            seen.put(value, ts)
            self._seen.put(key, seen)
            self._forget_expired(ts)
            return 1
        seen.put(value, ts)
        while True:
            oldest = seen.oldest()
            if oldest is None or abs(ts - <int64_t>oldest[1]) <= self._window:
                return len(seen)
            seen.pop(oldest[0])

    cdef int _forget_expired(self, int64_t ts) except -1:
        """Remove the least recently used keys if their window is over."""
        cdef int i
        for i in range(FORGOTTEN):
            oldest = self._seen.oldest()
            if ts - <int64_t>oldest[1].newest() <= self._window:
                break
            self._seen.pop(oldest[0])
        return 0

    @property
    def evicted(self):
        """Number of evicted keys."""
        return self._seen.evicted

    def __len__(self):
        """Number of keys."""
        return len(self._seen)

    def values(self, key):
        """The values of a key, the most recent last; some may be older than the window."""
        return list(self._seen.get(key) or ())

    def forget(self, key):
        self._seen.pop(key)
