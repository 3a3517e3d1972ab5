"""Combined data of all sources on a CVE: title, scores, exploitation, and the fix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from sensor.posture.vulnerabilities.curated import Vulnerability
from sensor.posture.vulnerabilities.database import SOURCES, number_of
from sensor.posture.vulnerabilities.feeds.entry import CVE
from sensor.posture.vulnerabilities.match_curated import SOURCE as CURATED
from sensor.posture.vulnerabilities.match_imported import ranges_of

PRODUCTS_SHOWN = 200
_PRODUCTS = """
    SELECT source, vendor, name, ranges, unclear FROM rules JOIN products ON products.id = product WHERE cve = ?
    ORDER BY source, vendor, name LIMIT ?
"""
# Whether the database is not one of an earlier version.
_DATED = "SELECT 1 FROM sqlite_master WHERE name = 'first_imports'"
REMEMBERED = " (not confirmed by a published record)"
UPDATE = (
    "Look up the model in the advisory of its vendor and install the firmware named there; restrict "
    "access to an administration network until then."
)


class About(NamedTuple):
    """``exploited``: date since which exploitation is known, or ``known``; ``probability``: of exploitation within
    thirty days (EPSS), None without a score; ``imported``: when a feed with it was imported first, RFC 3339, empty if
    that is unknown.
    """

    cve: str
    title: str = ""
    cvss: float | None = None
    probability: float | None = None
    percentile: float | None = None
    exploited: str = ""
    ransomware: bool = False
    due: str = ""
    fixed: str = ""
    advice: str = UPDATE
    published: str = ""
    rejected: bool = False
    sources: tuple[str, ...] = ()
    imported: str = ""


class Library:
    """All known data by CVE. ``base``: database of imported vulnerabilities, if any."""

    def __init__(self, curated: Iterable[Vulnerability], base: sqlite3.Connection | None = None) -> None:
        self.curated: dict[str, list[Vulnerability]] = {}
        for entry in curated:
            self.curated.setdefault(entry.cve, []).append(entry)
        self._base = base
        self._dated = base is not None and base.execute(_DATED).fetchone() is not None

    def about(self, cve: str) -> About | None:
        """None if no source has it."""
        found = self._curated(cve)
        if self._base is not None and CVE.match(cve):
            found = _imported(self._base, found, number_of(cve))
            found = found._replace(imported=self._first_import(self._base, number_of(cve)))
        return found if found.sources else None

    def _first_import(self, base: sqlite3.Connection, number: int) -> str:
        if not self._dated:
            return ""
        row = base.execute("SELECT moment FROM first_imports WHERE cve = ?", (number,)).fetchone()
        return str(row[0]) if row is not None else ""

    def _curated(self, cve: str) -> About:
        """Data of the curated entries, of which each has other products: they are exploited if one of them is."""
        entries = self.curated.get(cve)
        if not entries:
            return About(cve)
        fixed = dict.fromkeys(
            entry.fixed + (REMEMBERED if entry.basis == "recalled" else "") for entry in entries if entry.fixed
        )
        return About(
            cve,
            "; ".join(dict.fromkeys(entry.title for entry in entries)),
            max((entry.cvss for entry in entries if entry.cvss is not None), default=None),
            exploited="known" if any(entry.kev or entry.exploited for entry in entries) else "",
            fixed="; ".join(fixed),
            advice=" ".join(dict.fromkeys(entry.advice for entry in entries)),
            sources=(CURATED,),
        )

    def products(self, cve: str) -> list[tuple[str, str, str, str]]:
        """(source, vendor, product, versions) of each imported rule, in the words of the record."""
        if self._base is None:
            return []
        rows = self._base.execute(_PRODUCTS, (number_of(cve), PRODUCTS_SHOWN))
        return [(SOURCES[row["source"]], row["vendor"], row["name"], _versions(row)) for row in rows]


def _imported(base: sqlite3.Connection, found: About, number: int) -> About:
    """Add imported data: scores replace ours, our title and advice stay."""
    rows = base.execute("SELECT * FROM cves WHERE id = ? ORDER BY source", (number,)).fetchall()
    for row in rows:
        found = found._replace(
            title=found.title or row["title"],
            published=found.published or row["published"],
            sources=(*found.sources, SOURCES[row["source"]]),
        )
    scores = [row["cvss"] for row in rows if row["cvss"] is not None]
    exploited = next((row["exploited"] for row in rows if row["exploited"]), found.exploited)
    found = found._replace(
        cvss=scores[0] if scores else found.cvss, rejected=any(row["rejected"] for row in rows), exploited=exploited
    )
    score = base.execute("SELECT probability, percentile FROM scores WHERE cve = ?", (number,)).fetchone()
    if score is not None:
        found = found._replace(probability=score[0], percentile=score[1])
    known = base.execute("SELECT * FROM exploited WHERE cve = ?", (number,)).fetchone()
    if known is None:
        return found
    advice = found.advice if found.advice != UPDATE else known["action"] or UPDATE
    found = found._replace(
        title=found.title or known["name"],
        exploited=known["added"] or "known",
        ransomware=bool(known["ransomware"]),
        advice=advice,
    )
    return found._replace(due=known["due"], sources=(*found.sources, "kev"))


def _versions(row: sqlite3.Row) -> str:
    """The ranges of a rule as text."""
    return "; ".join(filter(None, (*map(str, ranges_of(row["ranges"])), row["unclear"])))
