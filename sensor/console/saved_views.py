"""Saved views: lists with their filter, order and columns, by a name that all users of the console see."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from sensor.console.security.keys import FILE, connected
from sensor.core.reader import clean
from sensor.views.errors import Malformed, one_of

# Pages that are lists, or have a filter.
PATHS = (
    "/alerts", "/devices", "/incidents", "/recommendations", "/vulnerabilities", "/tickets", "/posture", "/map",
    "/timeline", "/hunt",
)  # fmt: skip
# A view is of any dataset, begins at the first page, and is not a moment of an action.
LEFT_OUT = ("data", "cursor", "done", "at", "against")
NAME_LIMIT, QUERY_LIMIT, MOST = 60, 24_000, 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS views (
    number INTEGER PRIMARY KEY, path TEXT, name TEXT, owner TEXT, query TEXT, made REAL, UNIQUE (path, name)
) STRICT
"""


class View(NamedTuple):
    """``given``: the parameters of its URL."""

    number: int
    name: str
    owner: str
    given: dict[str, list[str]]


class SavedViews:
    """In the database of the console's keys. One connection a call: thread-safe."""

    def __init__(self, state: Path) -> None:
        """sqlite3.Error where it cannot be written."""
        self._path = state / FILE
        with connected(self._path) as base:
            base.execute(_SCHEMA)

    def of(self, path: str) -> list[View]:
        """Those of a page, by their names."""
        query = "SELECT number, name, owner, query FROM views WHERE path = ? ORDER BY name COLLATE NOCASE"
        with connected(self._path) as base:
            return [View(row[0], row[1], row[2], parse_qs(row[3])) for row in base.execute(query, (path,))]

    def save(self, path: str, name: str, owner: str, query: str) -> str:
        """Keep a view, in place of one of the same name; the name as it is kept. Unknown, Malformed."""
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
        with connected(self._path) as base:
            if base.execute("SELECT count(*) FROM views").fetchone()[0] >= MOST:
                raise Malformed("view", f"{MOST} of them", "fewer: remove one first")
            values = (path, name, owner, text, time.time())
            base.execute("INSERT OR REPLACE INTO views (path, name, owner, query, made) VALUES (?, ?, ?, ?, ?)", values)
        return name

    def remove(self, number: str) -> str:
        """Remove a view; its path. Malformed where there is none."""
        wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1
        with connected(self._path) as base:
            row = base.execute("DELETE FROM views WHERE number = ? RETURNING path", (wanted,)).fetchone()
        if row is None:
            raise Malformed("view", number, "one that is there: it was removed meanwhile")
        return str(row[0])
