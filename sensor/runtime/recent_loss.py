"""Recent losses, noted on findings: a finding in a minute with half of the packets lost is less certain than one in a
minute without losses, whatever the total of the run.
"""

from __future__ import annotations

from typing import NamedTuple

WINDOW_S = 30


class Seen(NamedTuple):
    """Totals since the start: packets ``lost`` before they were read and ``packets`` read; messages ``shed`` for lack
    of time, and those ``read``.
    """

    lost: int = 0
    packets: int = 0
    shed: int = 0
    read: int = 0


class RecentLoss:
    """Losses in the last one to two windows of ``WINDOW_S``."""

    def __init__(self) -> None:
        self._marks = Seen(), Seen()
        self._until: float | None = None

    def shares(self, clock: float, seen: Seen) -> tuple[float, float]:
        """Shares of lost packets and of shed messages. ``clock``: monotonic time in seconds."""
        if self._until is None:
            self._until = clock + WINDOW_S
        elif clock >= self._until:
            self._marks, self._until = (self._marks[1], seen), clock + WINDOW_S
        lost, packets, shed, read = (now - then for now, then in zip(seen, self._marks[0], strict=True))
        return lost / max(lost + packets, 1), shed / max(shed + read, 1)
