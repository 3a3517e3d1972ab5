"""Hunts that this sensor has run, on disk: a signed query that is sent again is refused, also after a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sensor.documents import write_whole
from sensor.outputs.hub_protocol.hunt_signatures import Rejected, fresh
from sensor.outputs.hub_protocol.hunts import Hunt


class SeenHunts:
    """``path``: beside the credentials. Only ids of the last minutes are kept: older hunts are expired anyway."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: list[tuple[str, int]] | None = None

    def add(self, hunt: Hunt, now: float) -> None:
        """Store a hunt before it runs. Raises Rejected if it is known, OSError if it cannot be stored."""
        if self._known is None:
            self._known = _load(self._path)
        if any(hunt.id == known for known, _ in self._known):
            raise Rejected("replayed", "the query was sent before")
        known = [*fresh(self._known, now), (hunt.id, hunt.signed)]
        write_whole(self._path, msgspec.json.encode(known))
        self._known = known


def _load(path: Path) -> list[tuple[str, int]]:
    """Raises OSError if the file exists and cannot be read. An invalid one is as good as none: it is replaced."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[tuple[str, int]])
    except (FileNotFoundError, msgspec.MsgspecError):
        return []
