"""Looks up a value in all lists of a folder: an address, a name, a fingerprint."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sensor.intel.names import ALLOW, SUFFIX
from sensor.intel.store import ThreatLists


class Listed(NamedTuple):
    """An entry of a threat list, or of an allow-list."""

    list: str
    entry: str
    category: str
    allows: bool


def listed(folder: Path, value: str) -> list[Listed]:
    """Matching entries in the lists of a folder, by file name."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        entry = ThreatLists(more=[path]).named(value)
        if entry is not None:
            found.append(Listed(entry.list_name, entry.entry, entry.category, path.stem.startswith(ALLOW)))
    return found
