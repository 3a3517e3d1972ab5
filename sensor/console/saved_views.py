"""Saved views: lists with filter, order and columns, under a name that all users of the console see."""

from __future__ import annotations

import time
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from sensor.console.security.store import Store
from sensor.core.reader import clean
from sensor.views.errors import Malformed, one_of

# Pages that are lists or have a filter.
PATHS = (
    "/alerts", "/devices", "/incidents", "/recommendations", "/vulnerabilities", "/tickets", "/posture", "/map",
    "/timeline", "/hunt",
)  # fmt: skip
# A view applies to any dataset and begins at the first page; these parameters are not saved.
LEFT_OUT = ("data", "cursor", "done", "at", "against")
NAME_LIMIT, QUERY_LIMIT, MOST = 60, 24_000, 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS views (
    number INTEGER PRIMARY KEY, path TEXT, name TEXT, owner TEXT, query TEXT, made REAL, UNIQUE (path, name)
) STRICT
"""


class View(NamedTuple):
    """``given``: parameters of its URL."""

    number: int
    name: str
    owner: str
    given: dict[str, list[str]]


class SavedViews:
    """Saved views in the database of the console's keys. Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Raises sqlite3.Error or NotReadable if the database cannot be written."""
        self._store = store
        store.create(_SCHEMA)

    def of(self, path: str) -> list[View]:
        """Views of a page, by name."""
        query = "SELECT number, name, owner, query FROM views WHERE path = ? ORDER BY lower(name)"
        with self._store.connected() as base:
            return [View(row[0], row[1], row[2], parse_qs(row[3])) for row in base.execute(query, (path,))]

    def save(self, path: str, name: str, owner: str, query: str) -> str:
        """Save a view, replacing one of the same name; returns the stored name. Raises Unknown, Malformed."""
        one_of("path", [path], PATHS)
        name = clean(name, NAME_LIMIT).strip()
        if len(query) > QUERY_LIMIT:
            raise Malformed("view", f"{len(query):,} characters", f"at most {QUERY_LIMIT:,}")
        kept = {key: values for key, values in parse_qs(query, errors="replace").items() if key not in LEFT_OUT}
        text = urlencode([(key, value) for key, values in kept.items() for value in values if value])
        if not name:
            raise Malformed("name", name, "a name for the view")
        if not text:
            raise Malformed("view", "one without a filter", "a list with a filter, an order or columns")
        with self._store.connected() as base:
            if base.execute("SELECT count(*) FROM views").fetchone()[0] >= MOST:
                raise Malformed("view", f"{MOST} of them", "fewer: remove one first")
            values = (path, name, owner, text, time.time())
            base.execute(
                "INSERT INTO views (path, name, owner, query, made) VALUES (?, ?, ?, ?, ?) ON CONFLICT (path, name) "
                "DO UPDATE SET owner = excluded.owner, query = excluded.query, made = excluded.made",
                values,
            )
        return name

    def remove(self, number: str) -> str:
        """Remove a view; returns its path. Raises Malformed if it does not exist."""
        wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1
        with self._store.connected() as base:
            row = base.execute("DELETE FROM views WHERE number = ? RETURNING path", (wanted,)).fetchone()
        if row is None:
            raise Malformed("view", number, "an existing one: it was removed in the meantime")
        return str(row[0])
