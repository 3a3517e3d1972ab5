"""What was lost of late, to be stamped on what is found meanwhile: a finding of a minute in which half was lost is
another one than of a minute in which all was seen, however well the month went.
"""

from __future__ import annotations

from typing import NamedTuple

WINDOW_S = 30


class Seen(NamedTuple):
    """Sums since the beginning: packets ``lost`` before they were read and ``packets`` that were; messages ``shed`` for
    want of time, and those ``read``.
    """

    lost: int = 0
    packets: int = 0
    shed: int = 0
    read: int = 0


class RecentLoss:
    """The last one to two windows of ``WINDOW_S``."""

    def __init__(self) -> None:
        self._marks = Seen(), Seen()
        self._until: float | None = None

    def shares(self, clock: float, seen: Seen) -> tuple[float, float]:
        """Shares of packets that were lost, and of messages that were shed. ``clock``: seconds that only go forward."""
        if self._until is None:
            self._until = clock + WINDOW_S
        elif clock >= self._until:
            self._marks, self._until = (self._marks[1], seen), clock + WINDOW_S
        lost, packets, shed, read = (now - then for now, then in zip(seen, self._marks[0], strict=True))
        return lost / max(lost + packets, 1), shed / max(shed + read, 1)
