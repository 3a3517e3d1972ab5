"""Telemetry of a live run: connects the engine, which provides its status once a second, and the thread
that serves it.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from sensor.core.record import Record
from sensor.logs.logs import settle
from sensor.telemetry.engine import Engine, Watched, plain
from sensor.telemetry.host_facts import HostFacts
from sensor.telemetry.served import Served


class Telemetry:
    """``unavailable``: which parts cannot be served here, as text."""

    def __init__(self, path: Path | None, listen: tuple[str, int] | None = None) -> None:
        """Serve on a socket, and on loopback if configured."""
        from sensor.telemetry.server import Server  # a replay does not need the library's HTTP

        self._engine, self._served = Engine(time.time()), Served(HostFacts())
        self._server = Server(self._served, path, listen)
        self.unavailable = self._server.unavailable
        self._run: Watched | None = None

    def watch(self, run: Watched) -> None:
        """Set the observed run."""
        self._run = run

    def take(self, record: Record) -> None:
        """Count a record."""
        self._engine.take(record)

    def tick(self) -> None:
        """Called by the engine about once a second: stores its status."""
        if self._run is None:
            return
        self._served.put(msgspec.json.encode(plain(self._engine.facts(self._run))))
        settle()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()
