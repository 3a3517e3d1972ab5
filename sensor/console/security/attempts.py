"""How often a login may fail: a few times a minute, from anywhere. A secret of 256 bits needs no more, and a flood of
attempts fills no log.
"""

from __future__ import annotations

import time
from collections import deque

MOST, WITHIN_S = 20, 60.0


class Attempts:
    """Failed logins of the last minute."""

    def __init__(self) -> None:
        self._failed: deque[float] = deque(maxlen=MOST)

    def failed(self) -> None:
        self._failed.append(time.monotonic())

    @property
    def too_many(self) -> bool:
        """Whether the next one must wait."""
        return len(self._failed) == MOST and self._failed[0] > time.monotonic() - WITHIN_S
