"""The served documents: built on request from the last status of the engine, and then cached for a second."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

import msgspec

from sensor.telemetry.exposition import CONTENT_TYPE, exposition
from sensor.telemetry.host_facts import HostFacts

FRESH_S = 1.0
# An engine without a new status for this long is treated as hung.
SILENT_S = 10.0
JSON, TEXT = "application/json", "text/plain; charset=utf-8"


class Reply(NamedTuple):
    """A response: HTTP status, content type, and body."""

    code: int
    type: str
    body: bytes


class Served:
    """The engine stores its status here; serving threads build responses from it."""

    def __init__(self, host_facts: HostFacts) -> None:
        self._host_facts, self._lock = host_facts, threading.Lock()
        self._engine, self._engine_at = b"", time.monotonic()
        self._status: dict[str, Any] = {}
        self._made_at = 0.0

    def put(self, status: bytes) -> None:
        """Store the engine's status, as JSON."""
        self._engine, self._engine_at = status, time.monotonic()

    def reply(self, path: str) -> Reply:
        """The response for a path."""
        if path == "/healthz":
            return self._alive()
        if path not in ("/metrics", "/status.json"):
            return Reply(404, TEXT, b"there are /metrics, /status.json and /healthz\n")
        status = self._now()
        if not status:
            return Reply(503, TEXT, b"the engine has not reported yet\n")
        if path == "/metrics":
            return Reply(200, CONTENT_TYPE, exposition(status).encode())
        return Reply(200, JSON, msgspec.json.encode(status) + b"\n")

    def _alive(self) -> Reply:
        silent = time.monotonic() - self._engine_at
        if not self._engine or silent > SILENT_S:
            return Reply(503, TEXT, f"the engine has not reported for {silent:.0f} s\n".encode())
        return Reply(200, TEXT, b"ok\n")

    def _now(self) -> dict[str, Any]:
        """Files are read at most once a second, whatever the number of requests."""
        with self._lock:
            if self._engine and time.monotonic() - self._made_at >= FRESH_S:
                self._status = self._host_facts.added(msgspec.json.decode(self._engine))
                self._made_at = time.monotonic()
            return self._status
