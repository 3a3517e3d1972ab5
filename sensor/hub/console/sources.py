"""Datasets of a hub's console: all sites, and each site. A request reads in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

from sensor.console.sources import Opened
from sensor.datasets.card import SITE, Card
from sensor.datasets.dataset import Dataset
from sensor.hub.console.connections import Connections
from sensor.hub.console.scopes import SiteScopes
from sensor.hub.database import Connection
from sensor.hub.views.backend import HubBackend, add_notes
from sensor.hub.views.fleet import SILENT
from sensor.hub.views.query import Reader
from sensor.tables.notes import Note
from sensor.views.errors import NotReadable, Unknown

ALL = "all sites"
# A page may take this long; lists take a fraction of a second.
LIMIT: LiteralString = "SET LOCAL statement_timeout = '15s'"
_SITES: LiteralString = """
SELECT s.site, min(s.joined), max(l.last_ts), count(DISTINCT s.key),
    count(DISTINCT s.key) FILTER (WHERE s.seen IS NULL OR s.seen < now() - %(silent)s)
FROM sensors s LEFT JOIN logs l ON l.sensor = s.key WHERE s.state = 'approved' GROUP BY 1 ORDER BY 1"""


class HubSources:
    """``sensor.console.sources.Sources`` over the database of the hub."""

    def __init__(self, connections: Connections, scopes: SiteScopes, state: Path, reader: str | None) -> None:
        """``reader``: role for users who may read some sites only."""
        self._connections, self._scopes, self._state, self._reader = connections, scopes, state, reader

    def all(self, user: str) -> list[Dataset]:
        """All sites as one dataset, and each site that the user may read."""
        with self._connections.transaction() as base:
            self._limit(base, self._scopes.of(user))
            rows = base.execute(_SITES, {"silent": SILENT}).fetchall()
        times = [time for row in rows for time in row[1:3] if time is not None]
        whole = self._dataset(ALL, min(times, default=None), max(times, default=None))
        return [whole, *(self._dataset(*row[:3]) for row in rows)]

    def dataset(self, name: str, user: str) -> Dataset:
        found = self.all(user)
        for one in found:
            if name in ("", one.name):
                return one
        raise Unknown("dataset", name, [one.name for one in found])

    @contextlib.contextmanager
    def opened(self, dataset: Dataset, user: str) -> Iterator[Opened]:
        scope = self._scopes.of(user)
        chosen = scope if dataset.name == ALL else (dataset.name,)
        with self._connections.transaction() as base:
            self._limit(base, scope)
            notes = _silent(base, chosen)
            yield Opened(dataset, HubBackend(Reader(base, chosen)), notes, True, self._add_notes)

    def _limit(self, base: Connection, scope: Sequence[str] | None) -> None:
        """Limit the transaction to the sites of a user, by row-level security, and in time."""
        base.execute(LIMIT)
        if scope is None:
            return
        if self._reader is None:
            raise NotReadable("this user may read some sites only: that needs `database.reader` in hub.yaml")
        base.execute("SELECT set_config('sensor.sites', (%s::text[])::text, true)", [list(scope)])
        base.execute("SELECT set_config('role', %s, true)", [self._reader])

    def _add_notes(self, notes: Sequence[Note]) -> None:
        with self._connections.transaction() as base:
            add_notes(Reader(base), notes)

    def _dataset(self, name: str, first: datetime | None, last: datetime | None) -> Dataset:
        card = Card(SITE, name, first=_text(first), last=_text(last))
        return Dataset(name, SITE, self._state, self._state / "none", self._state / "none", card)


def _silent(base: Connection, sites: Sequence[str] | None) -> list[str]:
    """A caveat if sensors send nothing: what they saw since is unknown."""
    rows = base.execute(_SITES, {"silent": SILENT}).fetchall()
    chosen = [row for row in rows if sites is None or row[0] in sites]
    total, silent = sum(row[3] for row in chosen), sum(row[4] for row in chosen)
    if not total:
        return ["No sensor is enrolled here: nothing is known."]
    if not silent:
        return []
    return [f"{silent:,} of {total:,} sensors have sent nothing for an hour: what they saw since is unknown."]


def _text(time: datetime | None) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time is not None else ""
