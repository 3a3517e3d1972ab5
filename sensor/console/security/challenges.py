"""Challenges of passkeys (Web Authentication Level 3, 13.4.3): each serves one purpose, for some minutes, once.

A challenge carries a code of this console's key, so that a flood of requests for challenges uses no memory. Only used
challenges are remembered, until they expire.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time

# Lifetime in seconds: the time to find and touch an authenticator.
LASTS_S = 300
_TIME, _HEAD, _CODE = 8, 32, 32


class Challenges:
    """Challenges of one process, unless others have the same key. Thread-safe."""

    def __init__(self, key: bytes = b"") -> None:
        """``key``: empty: a new one, so that challenges end with the process."""
        self._key, self._lock = key or secrets.token_bytes(32), threading.Lock()
        self._used: dict[bytes, int] = {}

    def new(self, purpose: str) -> bytes:
        """A challenge of 64 bytes. ``purpose``: what it may be used for, and by whom."""
        head = _now().to_bytes(_TIME) + secrets.token_bytes(_HEAD - _TIME)
        return head + self._code(purpose, head)

    def use(self, purpose: str, challenge: bytes) -> bool:
        """Whether a challenge is of this purpose, not expired, and used for the first time."""
        head, now = challenge[:_HEAD], _now()
        if len(challenge) != _HEAD + _CODE or not hmac.compare_digest(challenge[_HEAD:], self._code(purpose, head)):
            return False
        until = int.from_bytes(head[:_TIME]) + LASTS_S
        return until > now and self.spend(challenge, until, now)

    def spend(self, challenge: bytes, until: int, now: int) -> bool:
        """Remember a valid challenge until it expires (s); False if it was used before."""
        with self._lock:
            self._used = {one: end for one, end in self._used.items() if end > now}
            if challenge in self._used:
                return False
            self._used[challenge] = until
        return True

    def _code(self, purpose: str, head: bytes) -> bytes:
        return hmac.digest(self._key, head + purpose.encode("utf-8", "surrogatepass"), "sha256")


def _now() -> int:
    """Seconds since the epoch: consoles of one hub compare them."""
    return int(time.time())
