"""Telemetry of a live run: between the engine, which provides its status once a second, and the thread that
serves it.
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
    """``unavailable``: in words, what of it cannot be had here."""

    def __init__(self, path: Path | None, listen: tuple[str, int] | None = None) -> None:
        """Serve at a socket, and on loopback where that is asked for."""
        from sensor.telemetry.server import Server  # the library's HTTP is nothing that a replay needs

        self._engine, self._served = Engine(time.time()), Served(HostFacts())
        self._server = Server(self._served, path, listen)
        self.unavailable = self._server.unavailable
        self._run: Watched | None = None

    def watch(self, run: Watched) -> None:
        """The run that is looked at."""
        self._run = run

    def take(self, record: Record) -> None:
        """Count a record."""
        self._engine.take(record)

    def tick(self) -> None:
        """Called by the engine about once a second: it leaves word."""
        if self._run is None:
            return
        self._served.put(msgspec.json.encode(plain(self._engine.facts(self._run))))
        settle()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()
