"""Backlog: lines that wait for the disk, bounded. What does not fit is given up in the order of what it is worth: alerts last, and counted by kind."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

# The first go last. Whatever is not named is the first to go.
LANES = {"alert": 0, "incident": 0, "device": 1, "recommendation": 1, "sensor": 2}
LAST_LANE = 3
URGENT = 0
# So much is given up at a time, as a share of all: looking through the lines is not done for each.
SHARE = 16


class _Line(NamedTuple):
    lane: int
    kind: str
    text: bytes


class Backlog:
    """Lines in their order. ``size``: bytes; ``urgent``: how many are alerts or incidents; ``given_up``: how many were, by kind."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: list[_Line] = []
        self.size = self.urgent = 0
        self.given_up: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, kind: str, text: bytes) -> None:
        """One more; it may cost the oldest of those that are worth least."""
        lane = LANES.get(kind, LAST_LANE)
        self._lines.append(_Line(lane, kind, text))
        self.size += len(text)
        self.urgent += lane == URGENT
        if self.size > self._limit:
            self._shed()

    def take(self, size: int) -> list[bytes]:
        """The oldest lines, up to so many bytes and at least one where there is one."""
        count = taken = 0
        while count < len(self._lines) and (not count or taken + len(self._lines[count].text) <= size):
            taken += len(self._lines[count].text)
            self.urgent -= self._lines[count].lane == URGENT
            count += 1
        lines = [line.text for line in self._lines[:count]]
        del self._lines[:count]
        self.size -= taken
        return lines

    def give_up(self) -> None:
        """All that is left."""
        self.given_up.update(line.kind for line in self._lines)
        self._lines, self.size, self.urgent = [], 0, 0

    def _shed(self) -> None:
        goal = self.size - self._limit + self._limit // SHARE
        gone: set[int] = set()
        for lane in range(LAST_LANE, -1, -1):
            for place, line in enumerate(self._lines):
                if goal <= 0:
                    break
                if line.lane == lane:
                    gone.add(place)
                    goal -= len(line.text)
        lost = [self._lines[place] for place in gone]
        self.given_up.update(line.kind for line in lost)
        self.size -= sum(len(line.text) for line in lost)
        self.urgent -= sum(line.lane == URGENT for line in lost)
        self._lines = [line for place, line in enumerate(self._lines) if place not in gone]
