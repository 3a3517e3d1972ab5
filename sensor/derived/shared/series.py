"""Series of refusals in captures without the packets of the client."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND

PAIRS_LIMIT = 4096
FIRST = 5
PAUSE = 10 * SECOND


class Refusals:
    """Refusals of a server to one client, without another answer in between.

    The first request of a session has no password (RFC 7617, 2), and a browser sends several at once; what polls a page
    without a password leaves pauses. So the first four refusals of a series are not counted.
    """

    def __init__(self) -> None:
        self.tables = NamedTables()
        # (client, server, port) → refusals of the current series, and the time of the last one
        self.current: Bounded[tuple[int, int, int], tuple[int, int]] = self.tables.add("current", Bounded(PAIRS_LIMIT))

    def add(self, answer: Packet, *, refused: bool) -> bool:
        """Record an answer; True for a refusal that counts."""
        key = answer.dst, answer.src, answer.sport
        if not refused:
            self.current.pop(key)
            return False
        count, last = self.current.get(key) or (0, answer.ts)
        count = count + 1 if answer.ts - last <= PAUSE else 1
        self.current.put(key, (count, answer.ts))
        return count >= FIRST
