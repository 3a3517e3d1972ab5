"""Pace: the delay before a retry, and the limit of records per second."""

from __future__ import annotations

import random

FIRST_S = 0.05
AFTER_LIMIT_S = 3600.0
DOUBLINGS = 20


class Backoff:
    """Exponential backoff with full jitter, so that many sensors do not return to a server at the same time. ``tries``:
    consecutive failures.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first, self._longest = first_s, longest_s
        self.tries = 0

    def failed(self, after_s: float | None = None) -> float:
        """Seconds to wait; at least as many as the destination requested, up to an hour."""
        longest = min(self._longest, self._first * 2 ** min(self.tries, DOUBLINGS))
        self.tries += 1
        return max(FIRST_S, random.uniform(0, longest), min(after_s or 0, AFTER_LIMIT_S))

    def worked(self) -> None:
        self.tries = 0


class Rate:
    """A token bucket, one token per record: its capacity is one second's worth."""

    def __init__(self, rate: float, now: float) -> None:
        """``rate``: records a second; 0: no limit."""
        self._rate, self._tokens, self._last = rate, max(rate, 1.0), now

    @property
    def most(self) -> int:
        """Records that may be sent together."""
        return max(1, int(self._rate)) if self._rate else 1 << 30

    def wait_s(self, now: float, count: int) -> float:
        """Seconds until ``count`` records may be sent; 0: now."""
        if not self._rate:
            return 0
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._last) * self._rate)
        self._last = now
        return max(0.0, (min(count, self.most) - self._tokens) / self._rate)

    def sent(self, count: int) -> None:
        if self._rate:
            self._tokens -= count
