"""Sites that a user or a token of the console may read, in the console's own database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.console.security.keys import FILE, connected

_SCHEMA = "CREATE TABLE IF NOT EXISTS user_sites (name TEXT, site TEXT, PRIMARY KEY (name, site)) STRICT"


class SiteScopes:
    """Each call opens a connection: thread-safe."""

    def __init__(self, state: Path) -> None:
        """Raises sqlite3.Error if the database cannot be written."""
        self._path = state / FILE
        with connected(self._path) as base:
            base.execute(_SCHEMA)

    def of(self, name: str) -> tuple[str, ...] | None:
        """The sites of a user or token; None: all."""
        with connected(self._path) as base:
            rows = base.execute("SELECT site FROM user_sites WHERE name = ? ORDER BY site", (name,)).fetchall()
        return tuple(row[0] for row in rows) or None

    def put(self, name: str, sites: Sequence[str]) -> None:
        """Replace the sites of a user or token; none: all."""
        with connected(self._path) as base:
            base.execute("BEGIN IMMEDIATE")
            base.execute("DELETE FROM user_sites WHERE name = ?", (name,))
            base.executemany("INSERT OR IGNORE INTO user_sites VALUES (?, ?)", [(name, site) for site in sites])
            base.execute("COMMIT")
