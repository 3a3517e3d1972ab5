"""Counting for detectors that see events one by one: how often, and how many different, within a window of packet time. Bounded in keys and values.

For flow changes in bulk there are the kernels of ``windows`` and ``rates``; these two are for the few events that reach Python.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from sensor.core.bounded import Bounded

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Hashable)

# A window is counted in so many parts; what happened in the oldest of them may be forgotten a part early.
PARTS = 8
KEYS_LIMIT = 4096
VALUES_LIMIT = 256


class Counts(Generic[Key]):
    """How often each key happened in the last ``window`` ns. At most ``keys`` keys; the one counted longest ago makes room."""

    def __init__(self, window: int, keys: int = KEYS_LIMIT) -> None:
        self._width = max(window // PARTS, 1)
        self._counts: Bounded[Key, list[int]] = Bounded(keys)

    def add(self, key: Key, ts: int, amount: int = 1) -> int:
        """Count something at ``ts`` (ns); returns what the window holds now."""
        part = ts // self._width
        counts = self._counts.get(key)
        if counts is None:
            counts = [part, *(0 for _ in range(PARTS))]
            self._counts.put(key, counts)
        passed = part - counts[0]
        if passed > 0:
            for step in range(min(passed, PARTS)):
                counts[1 + (part - step) % PARTS] = 0
            counts[0] = part
        elif passed <= -PARTS:  # the clock was set back
            counts[:] = [part, *(0 for _ in range(PARTS))]
        counts[1 + part % PARTS] += amount
        return sum(counts[1:])

    def forget(self, key: Key) -> None:
        self._counts.pop(key)


class Distinct(Generic[Key, Value]):
    """Which different values each key had in the last ``window`` ns: at most ``keys`` keys with ``values`` values each; those seen longest ago make room."""

    def __init__(self, window: int, keys: int = KEYS_LIMIT, values: int = VALUES_LIMIT) -> None:
        self._window, self._most = window, values
        self._seen: Bounded[Key, Bounded[Value, int]] = Bounded(keys)

    def add(self, key: Key, value: Value, ts: int) -> int:
        """Note a value at ``ts`` (ns); returns how many different ones the window holds now."""
        seen = self._seen.get(key)
        if seen is None:
            seen = Bounded(self._most)
            self._seen.put(key, seen)
        seen.put(value, ts)
        while (oldest := seen.oldest()) and abs(ts - oldest[1]) > self._window:
            seen.pop(oldest[0])
        return len(seen)

    def values(self, key: Key) -> list[Value]:
        """The values of a key, the one seen last at the end; some may be older than the window."""
        return list(self._seen.get(key) or ())

    def forget(self, key: Key) -> None:
        self._seen.pop(key)
