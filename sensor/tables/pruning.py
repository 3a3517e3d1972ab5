"""Deletes rows of records that the event log has removed by age: those whose last record is older than the log's first
one.
"""

from __future__ import annotations

import sqlite3

# Alerts deleted in one transaction; the rest is deleted at the next call.
MOST = 5000
_GONE = "SELECT number FROM temp.gone"


def prune(base: sqlite3.Connection, first: int) -> bool:
    """Within a transaction: delete rows last written before the record ``first``. Returns whether all are deleted."""
    base.execute("CREATE TEMP TABLE IF NOT EXISTS gone (number INTEGER PRIMARY KEY)")
    base.execute("DELETE FROM temp.gone")
    base.execute("INSERT INTO temp.gone SELECT number FROM alerts WHERE seq < ? ORDER BY seq LIMIT ?", (first, MOST))
    count = int(base.execute("SELECT count(*) FROM temp.gone").fetchone()[0])
    if count:
        _prune_alerts(base)
    for table in ("incidents", "recommendations", "findings", "timeline"):
        base.execute(f"DELETE FROM {table} WHERE seq < ?", (first,))  # noqa: S608 - names from the line above
    base.execute("DELETE FROM incident_alerts WHERE incident NOT IN (SELECT id FROM incidents)")
    return count < MOST


def _prune_alerts(base: sqlite3.Connection) -> None:
    text = (
        "INSERT INTO alert_text (alert_text, rowid, summary, words) SELECT 'delete', number, summary, words FROM alerts"
    )
    base.execute(f"{text} WHERE number IN ({_GONE})")
    by_group = f"SELECT of_group, count(*) FROM alerts WHERE number IN ({_GONE}) GROUP BY of_group"  # noqa: S608 - constants only
    counts = base.execute(by_group).fetchall()
    base.executemany("UPDATE alert_groups SET alerts = alerts - ?2 WHERE number = ?1", [tuple(row) for row in counts])
    for table, column in (("alert_parties", "alert"), ("alert_records", "number"), ("alerts", "number")):
        base.execute(f"DELETE FROM {table} WHERE {column} IN ({_GONE})")  # noqa: S608
    base.execute("DELETE FROM parties WHERE number NOT IN (SELECT party FROM alert_parties)")
