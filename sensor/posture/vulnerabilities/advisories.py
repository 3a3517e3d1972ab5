"""Rules of advisories. Many advisories have the same CVE, each for the products of its vendor: the number of a rule
contains that of its advisory, so that a new version of one replaces only its own rules.
"""

from __future__ import annotations

import sqlite3

# Bits of the place of a rule within its record; above them is the advisory, 0 for records that are no advisory.
PLACE_BITS = 16
_NOTE = """
INSERT INTO advisories (name, feed, modified) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET feed = excluded.feed, modified = excluded.modified
"""


def advisory_of(base: sqlite3.Connection, name: str, feed: int, modified: str) -> int | None:
    """The number of an advisory, which belongs to the feed that had it last; None if a newer one is stored."""
    row = base.execute("SELECT modified FROM advisories WHERE name = ?", (name,)).fetchone()
    if row is not None and row[0] > modified:
        return None
    base.execute(_NOTE, (name, feed, modified))
    return int(base.execute("SELECT id FROM advisories WHERE name = ?", (name,)).fetchone()[0])


def remove_rules(base: sqlite3.Connection, cve: int, source: int, advisory: int) -> None:
    """Remove the rules of a CVE from an advisory, and those of earlier versions, which have no advisory."""
    base.execute(
        f"DELETE FROM rules WHERE cve = ? AND source = ? AND number >> {PLACE_BITS} IN (0, ?)",  # noqa: S608 ours
        (cve, source, advisory),
    )


def remove_of_feed(base: sqlite3.Connection, feed: int) -> None:
    """Remove the advisories of a feed."""
    mine = "SELECT id FROM advisories WHERE feed = ?"
    base.execute(f"DELETE FROM rules WHERE number >> {PLACE_BITS} IN ({mine})", (feed,))  # noqa: S608 ours
    base.execute("DELETE FROM advisories WHERE feed = ?", (feed,))
