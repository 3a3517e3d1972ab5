"""When each user last visited the overview of a dataset, and the last record of its log at that time."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from sensor.console.security.store import Store
from sensor.views.errors import NotReadable

# In seconds: a visit ends after this time without a load of the page, and is forgotten after a year; loads within a
# minute are stored once.
ENDS_S, FORGOTTEN_S, STORED_S = 30 * 60.0, 400 * 86_400.0, 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS visits (
    name TEXT, dataset TEXT, seq INTEGER, seen REAL, seq_before INTEGER, seen_before REAL, PRIMARY KEY (name, dataset)
) STRICT, WITHOUT ROWID
"""


class Visit(NamedTuple):
    """``seq``: number of the last record that the user could see; ``seen``: seconds since the epoch."""

    seq: int
    seen: float


NEVER = Visit(0, 0.0)


class Visits:
    """In the database of the console's keys. Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Raises sqlite3.Error or NotReadable if the database cannot be written."""
        self._store = store
        store.create(_SCHEMA)

    def come(self, name: str, dataset: str, seq: int, now: float, *, reads: bool = True) -> Visit | None:
        """Record a load of the page; returns the end of the visit before this one, None if there was none. ``seq``:
        last record that the page shows; ``now``: seconds since the epoch; ``reads``: false if the page updated itself.
        """
        wanted = "SELECT seq, seen, seq_before, seen_before FROM visits WHERE name = ? AND dataset = ?"
        with self._store.connected() as base:
            row = base.execute(wanted, (name, dataset)).fetchone()
            last, before = (Visit(*row[:2]), Visit(*row[2:])) if row is not None else (NEVER, NEVER)
        if now - last.seen > ENDS_S or seq < last.seq:
            before = last
        if reads and now - last.seen > STORED_S:
            with contextlib.suppress(NotReadable):  # a full disk must not hide the page
                self._store_visit(now, (name, dataset, seq, now, *before))
        return before if before.seen else None

    def _store_visit(self, now: float, values: tuple[str | float, ...]) -> None:
        with self._store.connected() as base:
            base.execute("DELETE FROM visits WHERE seen < ?", (now - FORGOTTEN_S,))
            base.execute(
                "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name, dataset) DO UPDATE SET "
                "seq = excluded.seq, seen = excluded.seen, seq_before = excluded.seq_before, "
                "seen_before = excluded.seen_before",
                values,
            )
