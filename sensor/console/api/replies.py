"""Answers to writes that named a key (draft-ietf-httpapi-idempotency-key-header): a client that repeats a request after
a lost answer gets the same answer, and nothing is written twice.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from sensor.views.errors import Malformed

HEADER = "idempotency-key"
LONGEST, KEPT, KEPT_S = 128, 2_000, 86_400.0


class Reply(NamedTuple):
    """``mark``: of the request; ``body``: empty while the request is being answered; ``made``: seconds, monotonic."""

    mark: str
    status: int
    body: bytes
    made: float


class Busy(Exception):
    """The same request is being answered right now."""


class Replies:
    """Kept in memory, of the users of the API each by their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Reply] = OrderedDict()

    def begin(self, who: str, key: str, mark: str) -> Reply | None:
        """The answer of before; None where this request is the first. Malformed where the key is of another request, or
        none; Busy.
        """
        if not 0 < len(key) <= LONGEST or not key.isprintable():
            raise Malformed("Idempotency-Key", key[:LONGEST], f"1 to {LONGEST} characters, such as a UUID")
        with self._lock:
            found = self._kept.get((who, key))
            if found is None or found.made < time.monotonic() - KEPT_S:
                self._kept[who, key] = Reply(mark, 0, b"", time.monotonic())
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
                return None
        if found.mark != mark:
            raise Malformed("Idempotency-Key", key, "a new key: this one was used for another request")
        if not found.status:
            raise Busy
        return found

    def end(self, who: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer. One that failed is forgotten: the request may be repeated."""
        with self._lock:
            found = self._kept.get((who, key))
            if found is not None and 200 <= status < 300:
                self._kept[who, key] = found._replace(status=status, body=body)
            else:
                self._kept.pop((who, key), None)
