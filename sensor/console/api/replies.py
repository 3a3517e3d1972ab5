"""Responses to writes with an idempotency key (draft-ietf-httpapi-idempotency-key-header): a client that repeats a
request after a lost response gets the same response, and nothing is written twice.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from sensor.views.errors import Malformed

HEADER = "idempotency-key"
LONGEST, KEPT, KEPT_S = 128, 2_000, 86_400.0
# Limit of all stored responses together: a response is a whole alert with its notes.
KEPT_BYTES = 16 << 20


class Reply(NamedTuple):
    """``mark``: of the request; ``body``: empty while the request is in progress; ``made``: seconds, monotonic."""

    mark: str
    status: int
    body: bytes
    made: float


class Busy(Exception):
    """The same request is in progress."""


class Replies:
    """Responses in memory, separate for each API user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Reply] = OrderedDict()
        self._bytes = 0

    def begin(self, who: str, key: str, mark: str) -> Reply | None:
        """The earlier response, or None for the first request with this key. Raises Malformed if the key is invalid or
        belongs to another request; Busy.
        """
        if not 0 < len(key) <= LONGEST or not key.isprintable():
            raise Malformed("Idempotency-Key", key[:LONGEST], f"1 to {LONGEST} characters, such as a UUID")
        with self._lock:
            found = self._kept.get((who, key))
            if found is None or found.made < time.monotonic() - KEPT_S:
                self._put((who, key), Reply(mark, 0, b"", time.monotonic()))
                return None
        if found.mark != mark:
            raise Malformed("Idempotency-Key", key, "a new key: this one was used for another request")
        if not found.status:
            raise Busy
        return found

    def end(self, who: str, key: str, status: int, body: bytes) -> None:
        """Store the response. Failed responses are not stored, so that the client may repeat the request."""
        with self._lock:
            found = self._kept.get((who, key))
            self._drop((who, key))
            if found is not None and 200 <= status < 300:
                self._put((who, key), found._replace(status=status, body=body))

    def _put(self, place: tuple[str, str], reply: Reply) -> None:
        """Store it as the newest. The oldest ones go if there are too many, or too many bytes."""
        self._drop(place)
        self._kept[place] = reply
        self._bytes += len(reply.body)
        while len(self._kept) > KEPT or (self._bytes > KEPT_BYTES and len(self._kept) > 1):
            self._drop(next(iter(self._kept)))

    def _drop(self, place: tuple[str, str]) -> None:
        found = self._kept.pop(place, None)
        self._bytes -= len(found.body) if found is not None else 0
