"""Sources of the imported vulnerabilities, and their age."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sensor.core.lazy_pattern import lazy_pattern

# Days after which data are reported as stale: NVD, the catalogue and the scores change daily.
STALE_DAYS = 7
NAME_LIMIT = 64
GOOD = "good"
_ENDINGS = lazy_pattern(r"(\.(json|csv|gz|zip))+\Z", re.IGNORECASE)


class Source(NamedTuple):
    """One feed as last imported. ``stamp``: date of its data, from the feed; ``trouble``: why its last update was
    rejected.
    """

    name: str
    kind: str
    place: str
    stamp: str
    imported: str
    entries: int
    broken: int
    trouble: str
    etag: str
    modified: str

    def age_days(self, now: datetime) -> int:
        """Age of its data in days: since their own date, otherwise since the last import.

        Dates of records do not apply to the feed. The yearly files of NVD are only regenerated when they change: a
        download is as current as its server.
        """
        dated = self.kind in ("kev", "epss") or (self.kind == "nvd" and "://" not in self.place)
        return max((now - ((_moment(self.stamp) if dated else None) or _moment(self.imported) or now)).days, 0)

    def state(self, now: datetime) -> str:
        """GOOD, or its problem, for the user."""
        if self.trouble:
            return f"trouble: {self.trouble}"
        return f"stale: {self.age_days(now)} days old" if self.age_days(now) > STALE_DAYS else GOOD


def sources_of(base: sqlite3.Connection | None) -> list[Source]:
    """All sources; empty if nothing was imported."""
    return [Source(*row) for row in base.execute("SELECT * FROM sources ORDER BY name")] if base is not None else []


def name_for(place: str) -> str:
    """Name of a feed by its file or URL. Pages of an API differ in their query."""
    parts = urlsplit(place)
    path = f"{parts.path} {parts.query}" if "://" in place else Path(place).name
    stem = _ENDINGS.sub("", path.rstrip("/ ").rsplit("/", 1)[-1])
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:NAME_LIMIT] or "feed"


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
