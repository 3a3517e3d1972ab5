"""Rate limit of the process log: the same event of the same unit is logged a few times a minute, and the number of
suppressed ones is logged afterwards.

Bounded: of many different events at once, the least recently seen one is evicted after its count was logged, and there
is a common limit for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sensor.core.bounded import Bounded

WINDOW_S = 60.0
# Limits per minute: of one event, and of all together.
EACH, ALL = 5, 300
EVENTS = 256
REST = "other messages"


class LeftOut(NamedTuple):
    """An event, its unit, and how often it was suppressed."""

    event: str
    unit: str
    times: int


class _Window(msgspec.Struct):
    began: float
    written: int = 0
    left_out: int = 0


class Limiter:
    """``clock`` values are monotonic seconds."""

    def __init__(self, each: int = EACH, together: int = ALL) -> None:
        self._each, self._together = each, together
        self._windows: Bounded[tuple[str, str], _Window] = Bounded(EVENTS)
        self._all = _Window(0.0)

    def may(self, event: str, unit: str, clock: float) -> bool:
        """Whether it may be logged now; it is counted either way."""
        window = self._windows.get((event, unit))
        if window is None:
            window = _Window(clock)
            if (went := self._windows.put((event, unit), window)) is not None:
                self._all.left_out += went[1].left_out
        if window.written >= self._each:
            window.left_out += 1
            return False
        if self._all.written >= self._together:
            self._all.left_out += 1
            return False
        window.written += 1
        self._all.written += 1
        return True

    def over(self, clock: float, *, end: bool = False) -> Iterator[LeftOut]:
        """Suppressed events in expired windows, or in all of them with ``end``. Their counts restart."""
        over = [key for key, window in self._windows.items() if end or clock - window.began >= WINDOW_S]
        for event, unit in over:
            window = self._windows.pop((event, unit))
            if window is not None and window.left_out:
                yield LeftOut(event, unit, window.left_out)
        if end or clock - self._all.began >= WINDOW_S:
            left_out, self._all = self._all.left_out, _Window(clock)
            if left_out:
                yield LeftOut(REST, "", left_out)
