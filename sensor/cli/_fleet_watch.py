"""Detects whether `sensor sync` applied another configuration of the hub: a running process reloads it, as
on SIGHUP.
"""

from __future__ import annotations

import time
from pathlib import Path

from sensor.documents import FLEET, LAYERED

EVERY_S = 2.0


class FleetWatch:
    """For one configuration; None, or one without layers, never changes."""

    def __init__(self, config: Path | None) -> None:
        folder = config if config is None or config.is_dir() else config.parent
        layered = config is not None and folder is not None and (config.is_dir() or config.name == LAYERED)
        self._link = folder / FLEET if layered and folder is not None else None
        self._seen, self._next = self._target(), 0.0

    def changed(self) -> bool:
        """Whether it changed since the last call. The disk is checked every two seconds at most."""
        if self._link is None or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + EVERY_S
        before, self._seen = self._seen, self._target()
        return self._seen != before

    def _target(self) -> str:
        try:
            return str(self._link.readlink()) if self._link is not None else ""
        except OSError:
            return ""
