"""A receiver of HTTP requests in its own process, which tests kill and restart on the same port and store."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.forked import started
from tests.outputs.servers_base import Server

ROOT = Path(__file__).resolve().parents[2]


class ReceiverServer(Server):
    """``service``: type of destination: ``plain``, ``bulk``, ``hec`` or ``sentinel``."""

    environment = {"PYTHONPATH": str(ROOT)}
    starts = staticmethod(started)

    def __init__(self, service: str = "plain") -> None:
        super().__init__()
        self.service = service

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        return [
            sys.executable,
            "-m",
            "tests.outputs.receiver",
            "--port",
            str(self.port),
            "--store",
            str(self.store),
            "--service",
            self.service,
        ]

    def stored(self) -> list[Any]:
        """Stored lines, in order; without a last line that the crash truncated."""
        whole = self.store.read_bytes()
        return [json.loads(line) for line in whole[: whole.rfind(b"\n") + 1].splitlines()]
