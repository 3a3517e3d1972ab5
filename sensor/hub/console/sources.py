"""Datasets of a hub's console: all sites, and each site. A request reads in one transaction."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString, NamedTuple

from sensor.console.security.session import Refused
from sensor.console.sources import Opened
from sensor.datasets.card import SITE, Card
from sensor.datasets.dataset import Dataset
from sensor.hub.console.connections import Connections
from sensor.hub.console.report_store import HubReports
from sensor.hub.console.scopes import SiteScopes
from sensor.hub.database import Connection
from sensor.hub.device_values import DeviceValues
from sensor.hub.views.backend import HubBackend, add_notes
from sensor.hub.views.fleet import SILENT
from sensor.hub.views.query import Reader
from sensor.tables.notes import Note
from sensor.views.errors import NotReadable, Unknown

ALL = "all sites"
# Seconds for which the list of sites is reused: a page needs it several times.
REUSED_S = 2.0
# A page may take this long; lists take a fraction of a second, in which starting parallel processes does not pay.
LIMIT: LiteralString = "SET LOCAL statement_timeout = '15s'; SET LOCAL max_parallel_workers_per_gather = 0"
_SITES: LiteralString = """
SELECT s.site, min(s.joined), max(l.last_ts), count(DISTINCT s.key),
    count(DISTINCT s.key) FILTER (WHERE s.seen IS NULL OR s.seen < now() - %(silent)s)
FROM sensors s LEFT JOIN logs l ON l.sensor = s.key WHERE s.state = 'approved' GROUP BY 1 ORDER BY 1"""


Scope = tuple[str, ...] | None


class Site(NamedTuple):
    """``first``, ``last``: when its first sensor joined, and of its latest event; ``silent``: sensors without a batch
    for an hour.
    """

    name: str
    first: datetime | None
    last: datetime | None
    sensors: int
    silent: int


class HubSources:
    """``sensor.console.sources.Sources`` over the database of the hub."""

    def __init__(self, connections: Connections, scopes: SiteScopes, state: Path, reader: str | None) -> None:
        """``reader``: role for users who may read some sites only."""
        self._connections, self._scopes, self._state, self._reader = connections, scopes, state, reader
        self._read: dict[Scope, tuple[float, list[Site]]] = {}

    def all(self, user: str) -> list[Dataset]:
        """All sites as one dataset, and each site that the user may read."""
        return self._datasets(self._sites(self._scopes.of(user)))

    def dataset(self, name: str, user: str) -> Dataset:
        found = self.all(user)
        if name and not any(one.name == name for one in found):  # a sensor may have just moved there
            found = self._datasets(self._sites(self._scopes.of(user), reused_s=0.0))
        for one in found:
            if name in ("", one.name):
                return one
        raise Unknown("dataset", name, [one.name for one in found])

    @contextlib.contextmanager
    def opened(self, dataset: Dataset, user: str) -> Iterator[Opened]:
        scope = self._scopes.of(user)
        chosen = scope if dataset.name == ALL else (dataset.name,)
        notes = _silent(self._sites(scope), chosen)  # before the transaction: it may need one of its own
        with self._connections.transaction() as base:
            self._limit(base, scope)
            changes = functools.partial(self._device_values, scope)
            reader = Reader(base, chosen)
            reports = HubReports(reader, ALL, self.writing)
            yield Opened(dataset, HubBackend(reader), notes, True, self._add_notes, changes, reports=reports)

    def _sites(self, scope: Scope, reused_s: float = REUSED_S) -> list[Site]:
        """The sites of a scope, as they were at most ``reused_s`` seconds ago."""
        now = time.monotonic()
        found = self._read.get(scope)
        if found is None or now - found[0] >= reused_s:
            with self._connections.transaction() as base:
                self._limit(base, scope)
                found = now, [Site(*row) for row in base.execute(_SITES, {"silent": SILENT})]
            self._read = {key: one for key, one in self._read.items() if now - one[0] <= REUSED_S} | {scope: found}
        return found[1]

    def _limit(self, base: Connection, scope: Scope) -> None:
        """Limit the transaction to the sites of a user, by row-level security, and in time. Raises Refused for none."""
        base.execute(LIMIT)
        if scope is None:
            return
        if not scope:
            raise Refused(
                "You may read no site yet. An administrator sets your sites: `sensor console sites NAME SITE... --hub "
                "FILE`, with '*' for all."
            )
        if self._reader is None:
            raise NotReadable("this user may read some sites only: that needs `database.reader` in hub.yaml")
        base.execute("SELECT set_config('sensor.sites', (%s::text[])::text, true)", [list(scope)])
        base.execute("SELECT set_config('role', %s, true)", [self._reader])

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction as the owner of the tables, to which row-level security does not apply."""
        return self._connections.transaction()

    def _add_notes(self, notes: Sequence[Note]) -> None:
        with self.writing() as base:
            add_notes(Reader(base), notes)

    @contextlib.contextmanager
    def _device_values(self, scope: Scope, author: str) -> Iterator[DeviceValues]:
        """A separate transaction, as the owner of the tables: the statements test the sites of the user."""
        with self.writing() as base:
            yield DeviceValues(base, author, scope)

    def _datasets(self, sites: Sequence[Site]) -> list[Dataset]:
        times = [when for one in sites for when in (one.first, one.last) if when is not None]
        whole = self._dataset(ALL, min(times, default=None), max(times, default=None))
        return [whole, *(self._dataset(one.name, one.first, one.last) for one in sites)]

    def _dataset(self, name: str, first: datetime | None, last: datetime | None) -> Dataset:
        card = Card(SITE, name, first=_text(first), last=_text(last))
        return Dataset(name, SITE, self._state, self._state / "none", self._state / "none", card)


def _silent(sites: Sequence[Site], chosen: Scope) -> list[str]:
    """A caveat if sensors send nothing: what they saw since is unknown."""
    wanted = [one for one in sites if chosen is None or one.name in chosen]
    total, silent = sum(one.sensors for one in wanted), sum(one.silent for one in wanted)
    if not total:
        return ["No sensor is enrolled here: nothing is known."]
    if not silent:
        return []
    has = "sensor has" if total == 1 else "sensors has" if silent == 1 else "sensors have"
    return [f"{silent:,} of {total:,} {has} sent nothing for an hour: what they saw since is unknown."]


def _text(when: datetime | None) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if when is not None else ""
