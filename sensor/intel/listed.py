"""Which lists of a folder have a value: an address, a name, a fingerprint."""

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
    """The entry of each list in a folder that has one for the value, by the name of its file."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        entry = ThreatLists(more=[path]).named(value)
        if entry is not None:
            found.append(Listed(entry.list_name, entry.entry, entry.category, path.stem.startswith(ALLOW)))
    return found
