"""Series of refusals in captures without the packets of the client."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND

Key = TypeVar("Key", bound=Hashable)

PAIRS_LIMIT = 4096
FIRST = 5
PAUSE = 10 * SECOND


class Refusals(Generic[Key]):
    """Refusals of a server to one client, or to one of its accounts, without another answer in between.

    The first request of a session has no password (RFC 7617, 2), and a browser sends several at once; what polls a page
    without a password leaves pauses. So the first four refusals of a series are not counted.
    """

    def __init__(self) -> None:
        self.tables = NamedTables()
        # Key → refusals of the current series, and the time of the last one
        self.current: Bounded[Key, tuple[int, int]] = self.tables.add("current", Bounded(PAIRS_LIMIT))

    def add(self, key: Key, ts: int, *, refused: bool) -> bool:
        """Record an answer; True for a refusal that counts."""
        if not refused:
            self.current.pop(key)
            return False
        count, last = self.current.get(key) or (0, ts)
        count = count + 1 if ts - last <= PAUSE else 1
        self.current.put(key, (count, ts))
        return count >= FIRST
