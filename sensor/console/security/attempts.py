"""Rate limit of failed logins: a few a minute, for all clients together. Secrets of 256 bits need no more, and a flood
of attempts does not fill the log.
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
        """Whether the limit is reached."""
        return len(self._failed) == MOST and self._failed[0] > time.monotonic() - WITHIN_S
