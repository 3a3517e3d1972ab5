"""Removes a feed with the CVEs that only this feed had. Imports record the CVEs of each feed."""

from __future__ import annotations

import sqlite3

from sensor.posture.vulnerabilities.advisories import remove_of_feed
from sensor.posture.vulnerabilities.database import transaction

_GONE = """
CREATE TEMP TABLE gone AS SELECT cve, source FROM members AS one WHERE feed = :feed
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.cve = one.cve AND other.source = one.source
    AND other.feed != :feed)
"""
_AFTER = (
    "DELETE FROM rules WHERE (cve, source) IN (SELECT cve, source FROM gone)",
    "DELETE FROM cves WHERE (id, source) IN (SELECT cve, source FROM gone)",
    "DELETE FROM products WHERE id NOT IN (SELECT product FROM rules)",
    "DELETE FROM words WHERE product NOT IN (SELECT id FROM products)",
)


class FeedNotRecorded(Exception):
    """The feed was imported before the CVEs of feeds were recorded."""


def members_of(base: sqlite3.Connection, name: str) -> int:
    """Number of a feed in the database."""
    base.execute("INSERT OR IGNORE INTO feeds (name) VALUES (?)", (name,))
    return int(base.execute("SELECT id FROM feeds WHERE name = ?", (name,)).fetchone()[0])


def forget(base: sqlite3.Connection, name: str, kind: str) -> int:
    """Remove a feed; returns the number of removed entries. Raises FeedNotRecorded; DatabaseError if the database
    cannot be written.
    """
    with transaction(base):
        count = (
            _cleared(base, {"kev": "exploited", "epss": "scores"}[kind])
            if kind in ("kev", "epss")
            else _without(base, name)
        )
        base.execute("DELETE FROM sources WHERE name = ?", (name,))
    return count


def _cleared(base: sqlite3.Connection, table: str) -> int:
    return base.execute(f"DELETE FROM {table}").rowcount  # noqa: S608 a name of ours


def _without(base: sqlite3.Connection, name: str) -> int:
    row = base.execute("SELECT id FROM feeds WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise FeedNotRecorded
    remove_of_feed(base, row[0])
    base.execute(_GONE, {"feed": row[0]})
    count = int(base.execute("SELECT count(*) FROM gone").fetchone()[0])
    for step in _AFTER:
        base.execute(step)
    base.execute("DROP TABLE gone")
    base.execute("DELETE FROM members WHERE feed = ?", (row[0],))
    base.execute("DELETE FROM feeds WHERE id = ?", (row[0],))
    return count
