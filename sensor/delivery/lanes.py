"""Lanes: the two ways through a log. On the main lane go all records in order; while it has a backlog, alerts and
incidents go ahead on a lane of their own.

While the urgent lane is there, the main lane stays behind it and leaves alerts and incidents to it, so that nothing
goes by both. It comes when nothing of the main lane is on its way, and goes when the main lane has caught up.
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
# Lines that are skipped in one go if none of them is wanted, and how long the urgent lane may search: other threads get
# a turn in between.
PASS_LINES, LOOK_S = 5000, 0.2


class Room:
    """How much fits into a batch. ``events`` may shrink where a destination takes less, and grows again."""

    def __init__(self, events: int, size: int) -> None:
        self.events = self._most = events
        self.size = size

    def learn(self, batch: Batch) -> None:
        """From a settled batch: one that had to be halved without a record being refused was too large."""
        if batch.halved and not batch.refused:
            self.events = max(1, batch.largest)
        elif self.events < self._most:
            self.events = min(self._most, self.events + self.events // 8 + 1)


class Lane:
    """Reads behind a number, with some entries read ahead. ``at``: the last number that was taken into a batch or
    passed.
    """

    def __init__(self, log: Path, after: int, shape: Shape, room: Room, dead: Callable[[Letters], None]) -> None:
        """``dead`` keeps what no format can express. OSError if the log cannot be read."""
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
        """The batch is done with: the next."""
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
        """Put one into the batch, or count why it does not go."""
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
    """All records. ``backlog``: the last batch was full before the log was at its end; ``replaced``: what comes now is
    another log.
    """

    def __init__(
        self, log: Path, position: Position, shape: Shape, room: Room, dead: Callable[[Letters], None]
    ) -> None:
        super().__init__(log, position.seq, shape, room, dead)
        self._position = position
        self.backlog = self.replaced = False

    def fill(self, limit: int | None) -> bool:
        """Take in what is there, up to the number ``limit`` where there is one; whether there was anything. OSError
        where the log cannot be read.
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
        """Have entries read ahead; False where there are none now."""
        if not self._ahead:
            self._ahead.extend(self._shape.shaped(self._cursor.read(READ_LINES, READ_BYTES)))
        return bool(self._ahead)

    def _pass_gap(self, number: int) -> None:
        """Numbers before this one that can never come any more are missing, save alerts that went ahead."""
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
        """Look on through the log for a while; whether there was anything. OSError where the log cannot be read."""
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
    """Alerts and incidents behind one number and up to another."""
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
