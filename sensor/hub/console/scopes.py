"""Sites that a user or a token of the console may read, in the console's own database. An administrator sets them;
``*`` stands for all, present and future. Without any, a user reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.console.security.keys import FILE, Database, connected

EVERY = "*"
_SCHEMA = "CREATE TABLE site_scopes (name TEXT, site TEXT, PRIMARY KEY (name, site)) STRICT"
# Another user of the same name begins without sites.
_FORGET = """CREATE TRIGGER IF NOT EXISTS site_scopes_of_removed AFTER DELETE ON users
BEGIN DELETE FROM site_scopes WHERE name = old.name; END"""
# The table of earlier versions, in which a name without rows had all sites, and where such names are.
_EARLIER = "user_sites"
_NAMES = {
    "users": "SELECT name FROM users",
    "tokens": "SELECT name FROM tokens",
    "sessions": "SELECT name FROM sessions",
    "links": "SELECT name FROM links",
    "passkey_users": "SELECT user FROM passkey_users",
}


class SiteScopes:
    """Each call opens a connection: thread-safe."""

    def __init__(self, state: Path) -> None:
        """Raises sqlite3.Error if the database cannot be written."""
        self._path = state / FILE
        with connected(self._path) as base:
            base.execute("BEGIN IMMEDIATE")
            if "site_scopes" not in (tables := _tables(base)):
                base.execute(_SCHEMA)
                if _EARLIER in tables:
                    _keep(base, tables)
            _forget_removed(base)
            base.execute("COMMIT")

    def of(self, name: str) -> tuple[str, ...] | None:
        """The sites of a user or token; None: all."""
        with connected(self._path) as base:
            rows = base.execute("SELECT site FROM site_scopes WHERE name = ? ORDER BY site", (name,)).fetchall()
        sites = tuple(row[0] for row in rows)
        return None if EVERY in sites else sites

    def put(self, name: str, sites: Sequence[str]) -> None:
        """Replace the sites of a user or token."""
        with connected(self._path) as base:
            base.execute("BEGIN IMMEDIATE")
            base.execute("DELETE FROM site_scopes WHERE name = ?", (name,))
            base.executemany("INSERT OR IGNORE INTO site_scopes VALUES (?, ?)", [(name, site) for site in sites])
            _forget_removed(base)
            base.execute("COMMIT")

    def begin(self, name: str) -> None:
        """All sites for a user without any."""
        if self.of(name) == ():
            self.put(name, [EVERY])


def _tables(base: Database) -> set[str]:
    return {row[0] for row in base.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _forget_removed(base: Database) -> None:
    """Sites end with their user. The table of users may not exist yet."""
    if "users" in _tables(base):
        base.execute(_FORGET)


def _keep(base: Database, tables: set[str]) -> None:
    """Each user and token of the earlier version keeps its sites."""
    limited = base.execute("SELECT name, site FROM user_sites").fetchall()
    names = {row[0] for table, query in _NAMES.items() if table in tables for row in base.execute(query)}
    every = [(name, EVERY) for name in sorted(names - {name for name, _ in limited})]
    base.executemany("INSERT INTO site_scopes VALUES (?, ?)", [*limited, *every])
