"""Alerts and incidents that the log shows as open, but that no run continues: sensors before the table of open ones
wrote none there, and a crash may lose its latest entries.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sensor.eventlog.log_end import backwards, end_of
from sensor.eventlog.segments import number_of
from sensor.inventory.store.database import StoreError
from sensor.tables.position import position

# Alerts before incidents, in the order of their last records, so that they are closed in order.
_OPEN = (
    "SELECT 0, alerts.seq, record FROM alerts JOIN alert_records USING (number)"
    " WHERE ended = 0 AND alerts.seq <= ?1 AND (0, alerts.seq) > (?2, ?3)"
    " UNION ALL SELECT 1, seq, record FROM incidents WHERE state = 'open' AND seq <= ?1 AND (1, seq) > (?2, ?3)"
    " ORDER BY 1, 2 LIMIT ?4"
)


def last_number(log: Path) -> int:
    """The number of the last record of a log; 0 if there is none. Raises OSError."""
    end = end_of(log) if log.is_file() else None  # a pipe can be read only once
    return next(filter(None, map(number_of, backwards(log, end))), 0) if end is not None else 0


class OpenRecords:
    """Reads the last records of all that are open, some at a time. ``last``: number of the last record of earlier
    runs.
    """

    def __init__(self, last: int) -> None:
        self._last, self._after = last, (0, 0)

    def next(self, base: sqlite3.Connection, limit: int) -> list[str] | None:
        """The next records, at most ``limit``; empty at the end; None if the tables do not have all records yet. Raises
        StoreError.
        """
        try:
            if position(base).seq < self._last:
                return None
            rows = base.execute(_OPEN, (self._last, *self._after, limit)).fetchall()
        except sqlite3.Error as error:
            raise StoreError(str(error)) from None
        if rows:
            self._after = rows[-1][0], rows[-1][1]
        return [row[2] for row in rows]
