"""Backlog: lines that wait for the disk, limited in size. Excess lines are dropped by priority, alerts last, and
counted by kind.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

# Kinds in descending priority; all others are dropped first.
LANES = {"alert": 0, "incident": 0, "device": 1, "recommendation": 1, "sensor": 2}
LAST_LANE = 3
URGENT = 0


class _Line(NamedTuple):
    order: int
    kind: str
    text: bytes


class Backlog:
    """Lines in order. ``size``, at most ``limit``: bytes; ``given_up``: dropped lines by kind."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lanes: list[deque[_Line]] = [deque() for _ in range(LAST_LANE + 1)]
        self._order = self.size = 0
        self.given_up: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    @property
    def urgent(self) -> bool:
        """Whether an alert or an incident waits."""
        return bool(self._lanes[URGENT])

    @property
    def crowded(self) -> bool:
        """Whether it is more than half full."""
        return self.size * 2 > self.limit

    def add(self, kind: str, text: bytes) -> None:
        """Add a line; may drop the oldest lines of the lowest priority."""
        self._order += 1
        self._lanes[LANES.get(kind, LAST_LANE)].append(_Line(self._order, kind, text))
        self.size += len(text)
        while self.size > self.limit:
            lost = next(lane for lane in reversed(self._lanes) if lane).popleft()
            self.size -= len(lost.text)
            self.given_up[lost.kind] += 1

    def take(self, size: int) -> list[bytes]:
        """Remove and return the oldest lines, up to ``size`` bytes and at least one if there is one."""
        lines: list[bytes] = []
        filled = [lane for lane in self._lanes if lane]
        while filled:
            lane = min(filled) if len(filled) > 1 else filled[0]
            text = lane[0].text
            if lines and len(text) > size:
                break
            lane.popleft()
            lines.append(text)
            size -= len(text)
            self.size -= len(text)
            if not lane:
                filled.remove(lane)
        return lines

    def give_up(self) -> None:
        """Drop all lines."""
        for lane in self._lanes:
            self.given_up.update(line.kind for line in lane)
            lane.clear()
        self.size = 0
