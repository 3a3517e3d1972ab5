"""Lanes: two readers of a log. The main lane reads all records in order; while it has a backlog, the urgent lane reads
alerts and incidents ahead of it.

While the urgent lane exists, the main lane stays behind it and skips alerts and incidents, so that nothing is sent
twice. The urgent lane is created when the main lane has nothing in flight, and removed when the main lane catches up.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from sensor.delivery.batch import URGENT, Batch
from sensor.delivery.dead_letters import Letters
from sensor.delivery.position import Position
from sensor.delivery.shape import Shape, Shaped, is_urgent
from sensor.eventlog.log_cursor import LogCursor

READ_LINES, READ_BYTES = 1000, 1 << 20
# Lines that are skipped at once if none is selected, and time limit of the urgent lane's search: other threads run in
# between.
PASS_LINES, LOOK_S = 5000, 0.2


class Room:
    """Capacity of a batch. ``events`` shrinks if a destination accepts less, and grows again."""

    def __init__(self, events: int, size: int) -> None:
        self.events = self._most = events
        self.size = size

    def learn(self, batch: Batch) -> None:
        """Adjust after a settled batch: one that was halved without a rejected record was too large."""
        if batch.halved and not batch.refused:
            self.events = max(1, batch.largest)
        elif self.events < self._most:
            self.events = min(self._most, self.events + self.events // 8 + 1)


class Lane:
    """Reads behind a number, with some entries read ahead. ``at``: the last number that was added to a batch or
    skipped.
    """

    def __init__(self, log: Path, after: int, shape: Shape, room: Room, dead: Callable[[Letters], None]) -> None:
        """``dead`` stores records that a format cannot express. Raises OSError if the log cannot be read."""
        self.at = after
        self.batch = Batch()
        self._log, self._shape, self._room, self._dead = log, shape, room, dead
        self._cursor = LogCursor(log, after)
        self._ahead: deque[Shaped] = deque()

    def close(self) -> None:
        self._cursor.close()

    @property
    def damages(self) -> list[str]:
        """The first places of the log that cannot be read."""
        return [str(damage) for damage in self._cursor.damages]

    def begin(self) -> None:
        """The batch is settled: start the next."""
        self._room.learn(self.batch)
        self.batch = Batch()

    def _fits(self, shaped: Shaped) -> bool:
        batch, entry = self.batch, shaped.entry
        return (
            entry is None
            or not batch.count
            or (batch.count < self._room.events and batch.size + len(entry.payload) <= self._room.size)
        )

    def _take(self, shaped: Shaped) -> None:
        """Add an entry to the batch, or count why it is left out."""
        batch, entry = self.batch, shaped.entry
        if entry is not None:
            batch.add(entry, time.monotonic())
            batch.full = batch.count >= self._room.events or batch.size >= self._room.size
        elif shaped.fault:
            self._dead([(shaped.seq, shaped.record, shaped.fault)])
            batch.refused += 1
        else:
            batch.filtered += 1


class MainLane(Lane):
    """All records. ``backlog``: the last batch was full before the end of the log; ``replaced``: the following records
    belong to another log.
    """

    def __init__(
        self, log: Path, position: Position, shape: Shape, room: Room, dead: Callable[[Letters], None]
    ) -> None:
        super().__init__(log, position.seq, shape, room, dead)
        self._position = position
        self.backlog = self.replaced = False

    def fill(self, limit: int | None) -> bool:
        """Add available records, up to the number ``limit`` if given; returns whether there were any. Raises OSError if
        the log cannot be read.
        """
        start = self.at
        while not self.batch.full and self._read() and self.at - start < PASS_LINES:
            shaped = self._ahead[0]
            if shaped.seq <= self.at:
                self.replaced = True
                break
            if limit is not None and shaped.seq > limit:
                break
            if not self._fits(shaped):
                self.batch.full = True
                break
            if shaped.seq > self.at + 1:
                self._pass_gap(shaped.seq)
            if shaped.seq <= self._position.alerts and shaped.record.get("kind") in URGENT:
                self.batch.passed += 1
            else:
                self._take(shaped)
            self._ahead.popleft()
            self.at, self.batch.id = shaped.seq, str(shaped.record.get("id", ""))
        self.backlog = self.batch.full
        return self.at > start

    def _read(self) -> bool:
        """Read entries ahead; False if there are none now."""
        if not self._ahead:
            self._ahead.extend(self._shape.shaped(self._cursor.read(READ_LINES, READ_BYTES)))
        return bool(self._ahead)

    def _pass_gap(self, number: int) -> None:
        """Count numbers before this one that can no longer arrive as missing, except alerts that were sent ahead."""
        batch, gap = self.batch, number - self.at - 1
        ahead = self._position.ahead - batch.passed
        if ahead and number <= self._position.alerts:
            ahead -= count_urgent(self._log, number - 1, self._position.alerts)
        hidden = min(max(ahead, 0), gap)
        batch.missing += gap - hidden
        batch.passed += hidden


class UrgentLane(Lane):
    """Alerts and incidents only."""

    def fill(self) -> bool:
        """Continue the search for a limited time; returns whether any were found. Raises OSError if the log cannot be
        read.
        """
        start, end = self.at, time.monotonic() + LOOK_S
        while not self.batch.full:
            if not self._ahead and (time.monotonic() > end or not self._read()):
                break
            while self._ahead and not self.batch.full:
                if not self._fits(self._ahead[0]):
                    self.batch.full = True
                    break
                shaped = self._ahead[0]
                self._take(shaped)
                self._ahead.popleft()
                self.batch.ahead += 1
                self.at = shaped.seq
            if not self._ahead:
                self.at = max(self.at, self._cursor.at)
        return self.at > start

    def _read(self) -> bool:
        lines = self._cursor.read(READ_LINES, READ_BYTES)
        self._ahead.extend(self._shape.shaped([(seq, line) for seq, line in lines if is_urgent(line)]))
        return bool(lines)


def count_urgent(log: Path, after: int, last: int) -> int:
    """Number of alerts and incidents after one number up to another."""
    cursor, count = LogCursor(log, after), 0
    try:
        while lines := cursor.read(READ_LINES, READ_BYTES):
            for seq, line in lines:
                if seq > last:
                    return count
                count += is_urgent(line)
    finally:
        cursor.close()
    return count
