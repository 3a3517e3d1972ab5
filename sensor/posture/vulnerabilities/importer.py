"""Imports a feed into the database atomically. Unusable entries are counted and reported, the others are imported.

A known CVE is replaced if the feed is not older; of CSAF, only what the same advisory reports on it is (see
``advisories.py``). CVEs that a feed no longer has stay, so that it may have any number of them. The catalogue of KEV
and the scores of EPSS are replaced as a whole: one that would lose most of its entries is rejected as defective.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.posture.vulnerabilities.advisories import PLACE_BITS, advisory_of, remove_rules
from sensor.posture.vulnerabilities.database import SOURCES as CVE_SOURCES
from sensor.posture.vulnerabilities.database import number_of, transaction
from sensor.posture.vulnerabilities.feeds.entry import Broken, Entry, Feed, Item, Score, Unreadable
from sensor.posture.vulnerabilities.feeds.opened import open_feed
from sensor.posture.vulnerabilities.feeds.records import Progress
from sensor.posture.vulnerabilities.forget import members_of
from sensor.posture.vulnerabilities.names import distinctive, key

# Feeds that replace the entries of their kind: one that would lose more than this share of them is rejected, unless it
# was small.
REPLACING = ("kev", "epss")
LOSS_LIMIT, SMALL = 0.5, 20
BROKEN_SHOWN = 5
ENTRIES_LIMIT = 2_000_000
# Number of cached product numbers.
_REMEMBERED = 100_000
_encode = msgspec.json.Encoder().encode


class ImportResult(NamedTuple):
    """Result of an import. ``trouble``: why nothing was imported, otherwise empty; ``broken``: number of omitted
    entries, ``faults`` the first of them; ``older``: CVEs of which a newer state is stored; ``cut``: those with
    products or versions that are left out.
    """

    name: str
    kind: str = ""
    entries: int = 0
    broken: int = 0
    older: int = 0
    faults: tuple[Broken, ...] = ()
    stamp: str = ""
    page: str = ""
    trouble: str = ""
    cut: int = 0


class Origin(NamedTuple):
    """Origin of a feed: a file or an HTTPS URL, and its version according to the server."""

    name: str
    place: str
    etag: str = ""
    modified: str = ""


def import_feed(
    base: sqlite3.Connection,
    path: Path,
    origin: Origin,
    moment: str,
    *,
    force: bool = False,
    progress: Progress = lambda _: None,
) -> ImportResult:
    """Import the feed at ``path``; ``moment`` is now; ``progress`` is called with numbers of bytes that were
    read. Raises DatabaseError if the database cannot be written.
    """
    try:
        with open_feed(path, progress) as feed, transaction(base):
            outcome = _taken(base, feed, origin, moment)
            outcome = outcome._replace(trouble="" if force else _loss(base, outcome))
            if outcome.trouble:
                base.execute("ROLLBACK")
            else:
                _note_source(base, outcome, origin, moment)
    except Unreadable as error:
        outcome = ImportResult(origin.name, trouble=str(error))
    except OSError as error:
        outcome = ImportResult(origin.name, trouble=f"cannot be read: {error.strerror or error}")
    if outcome.trouble:
        note_trouble(base, outcome.name, outcome.trouble)
    return outcome


def note_trouble(base: sqlite3.Connection, name: str, trouble: str) -> None:
    """Store why the last update of a feed was rejected. Raises DatabaseError."""
    with transaction(base):
        base.execute("UPDATE sources SET trouble = ? WHERE name = ?", (trouble, name))


def _note_source(base: sqlite3.Connection, outcome: ImportResult, origin: Origin, moment: str) -> None:
    row = (
        outcome.name,
        outcome.kind,
        origin.place,
        outcome.stamp,
        moment,
        outcome.entries,
        outcome.broken,
        "",
        origin.etag,
        origin.modified,
    )
    base.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _loss(base: sqlite3.Connection, outcome: ImportResult) -> str:
    """Why the feed must not be trusted; empty if it can."""
    row = base.execute("SELECT entries FROM sources WHERE name = ?", (outcome.name,)).fetchone()
    before = row[0] if row else 0
    if outcome.entries == 0:
        return "has no valid entry"
    if outcome.kind in REPLACING and before >= SMALL and outcome.entries < before * (1 - LOSS_LIMIT):
        return (
            f"has {outcome.entries:,} entries instead of {before:,}: the old ones are kept (--force accepts "
            "the new ones)"
        )
    return ""


def _taken(base: sqlite3.Connection, feed: Feed, origin: Origin, moment: str) -> ImportResult:
    if feed.kind == "kev":
        base.execute("DELETE FROM exploited")
    elif feed.kind == "epss":
        base.execute("DELETE FROM scores")
    # There is one catalogue and one table of scores, whatever the file name.
    name = feed.kind if feed.kind in REPLACING else origin.name
    source = CVE_SOURCES.index(feed.kind) if feed.kind in CVE_SOURCES else 0
    taker = _Taker(base, source, members_of(base, name), moment)
    taker.take(feed.items)
    return ImportResult(
        name,
        feed.kind,
        taker.entries,
        taker.broken,
        taker.older,
        tuple(taker.faults),
        feed.stamp or taker.newest,
        feed.page,
        cut=taker.cut,
    )


class _Taker:
    """Writes the items of one feed to the tables."""

    def __init__(self, base: sqlite3.Connection, source: int, feed: int, moment: str) -> None:
        self._base, self._source, self._feed, self._moment = base, source, feed, moment
        self._products: dict[tuple[str, str], int] = {}
        self.entries = self.broken = self.older = self.cut = 0
        self.newest = ""
        self.faults: list[Broken] = []

    def take(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Broken):
                self.broken += 1
                if len(self.faults) < BROKEN_SHOWN:
                    self.faults.append(item)
                continue
            self.entries += 1
            if self.entries > ENTRIES_LIMIT:
                raise Unreadable(f"has more than {ENTRIES_LIMIT:,} entries")
            if isinstance(item, Entry):
                self._cve(item)
            elif isinstance(item, Score):
                self._base.execute(
                    "INSERT OR REPLACE INTO scores VALUES (?, ?, ?)",
                    (number_of(item.cve), item.probability, item.percentile),
                )
            else:
                self._base.execute(
                    "INSERT OR REPLACE INTO exploited VALUES (?, ?, ?, ?, ?, ?)", (number_of(item.cve), *item[1:])
                )

    def _cve(self, entry: Entry) -> None:
        number = number_of(entry.cve)
        self.newest = max(self.newest, entry.modified)
        self.cut += entry.cut
        self._base.execute("INSERT OR IGNORE INTO members VALUES (?, ?, ?)", (number, self._source, self._feed))
        stored = dict(self._base.execute("SELECT source, modified FROM cves WHERE id = ?", (number,)).fetchall())
        if not stored:
            self._base.execute("INSERT OR IGNORE INTO first_imports VALUES (?, ?)", (number, self._moment))
        known = stored.get(self._source)
        advisory: int | None = 0
        if entry.advisory:
            advisory = advisory_of(self._base, entry.advisory, self._feed, entry.modified)
        newest = known is None or known <= entry.modified
        if advisory is None or (not entry.advisory and not newest):
            self.older += 1
            return
        if known is not None:
            remove_rules(self._base, number, self._source, advisory)
        if newest:
            self._record(number, entry)
        if not entry.rejected:
            self._rules(number, entry, advisory)

    def _record(self, number: int, entry: Entry) -> None:
        """What the source reports on the CVE itself; of several advisories the newest applies."""
        row = (
            entry.title,
            entry.cvss,
            entry.cvss_version,
            entry.published,
            entry.modified,
            entry.rejected,
            entry.cut,
            entry.exploited,
        )
        self._base.execute(
            "INSERT OR REPLACE INTO cves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, self._source, *row)
        )

    def _rules(self, number: int, entry: Entry, advisory: int) -> None:
        rules = [
            (
                self._product(one.vendor, one.product),
                number,
                self._source,
                advisory << PLACE_BITS | place,
                _encode(one.ranges),
                _encode(one.hardware),
                one.unclear,
            )
            for place, one in enumerate(entry.affects)
        ]
        self._base.executemany("INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?)", rules)

    def _product(self, vendor: str, name: str) -> int:
        """The number of a product; a new one is stored with its searchable words."""
        vendor = key(vendor)
        known = self._products.get((vendor, name))
        if known is not None:
            return known
        row = self._base.execute("SELECT id FROM products WHERE vendor = ? AND name = ?", (vendor, name)).fetchone()
        if row is None:
            number = int(
                self._base.execute("INSERT INTO products (vendor, name) VALUES (?, ?)", (vendor, name)).lastrowid or 0
            )
            self._base.executemany(
                "INSERT OR IGNORE INTO words VALUES (?, ?, ?)", [(vendor, term, number) for term in distinctive(name)]
            )
        else:
            number = int(row[0])
        if len(self._products) >= _REMEMBERED:
            self._products.clear()
        self._products[vendor, name] = number
        return number
