"""Sites that a user or a token of the console may read. An administrator sets them; ``*`` stands for all, present and
future. Without any, a user reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensor.console.security.store import Store

EVERY = "*"


class SiteScopes:
    """Thread-safe. Sites end with their user."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, name: str) -> tuple[str, ...] | None:
        """The sites of a user or token; None: all."""
        with self._store.connected() as base:
            rows = base.execute("SELECT site FROM site_scopes WHERE name = ? ORDER BY site", (name,)).fetchall()
        sites = tuple(row[0] for row in rows)
        return None if EVERY in sites else sites

    def put(self, name: str, sites: Sequence[str]) -> None:
        """Replace the sites of a user or token."""
        with self._store.connected() as base:
            base.execute("DELETE FROM site_scopes WHERE name = ?", (name,))
            for site in sites:
                base.execute("INSERT INTO site_scopes VALUES (?, ?) ON CONFLICT DO NOTHING", (name, site))

    def begin(self, name: str) -> None:
        """All sites for a user without any."""
        if self.of(name) == ():
            self.put(name, [EVERY])
