"""Containers for what peers can make grow: bounded in size and, where it matters, in age. Nothing else in the core keeps a dictionary keyed by peer data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Bounded(Generic[Key, Value]):
    """A map of at most ``size`` entries; the one touched longest ago makes room. ``evicted`` counts those that had to go."""

    __slots__ = ("_entries", "evicted", "size")

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size {size} of a bounded map: must be at least 1")
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self.size, self.evicted = size, 0

    def get(self, key: Key) -> Value | None:
        """The value, touched; None where there is none."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> tuple[Key, Value] | None:
        """Store and touch; returns the entry that had to go, if one had."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) <= self.size:
            return None
        self.evicted += 1
        return self._entries.popitem(last=False)

    def pop(self, key: Key) -> Value | None:
        return self._entries.pop(key, None)

    def oldest(self) -> tuple[Key, Value] | None:
        """The entry touched longest ago."""
        for entry in self._entries.items():
            return entry
        return None

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def items(self) -> Iterator[tuple[Key, Value]]:
        return iter(self._entries.items())

    def values(self) -> Iterator[Value]:
        return iter(self._entries.values())


class Recent(Generic[Key]):
    """Keys seen within the last ``window`` ns of packet time, at most ``size`` of them."""

    __slots__ = ("_seen", "window")

    def __init__(self, size: int, window: int) -> None:
        self._seen: Bounded[Key, int] = Bounded(size)
        self.window = window

    def fresh(self, key: Key, ts: int) -> bool:
        """True where the key was not seen within the window before ``ts``; it is now. The window starts at the sighting that was fresh."""
        last = self._seen.get(key)
        if last is not None and abs(ts - last) < self.window:
            return False
        self._seen.put(key, ts)
        return True
