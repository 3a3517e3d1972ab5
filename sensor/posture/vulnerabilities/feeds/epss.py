"""EPSS scores of FIRST, as CSV (first.org/epss/data_stats): a line with the date, a header, and one line per CVE."""

from __future__ import annotations

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.vulnerabilities.feeds.entry import Score, cve_of

HEADING = "cve,epss,percentile"
_DATE = lazy_pattern(r"score_date:(\d{4}-\d\d-\d\d)")


def score_of(row: list[str]) -> Score:
    """One line. Raises ValueError if it is invalid."""
    if len(row) < 3:
        raise ValueError(f"found {len(row)} fields, expected {HEADING}")
    cve, probability, percentile = cve_of(row[0]), _share(row[1]), _share(row[2])
    return Score(cve, probability, percentile)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"found {text[:20]!r}, expected a number from 0 to 1")
    return share


def stamp_of(line: str) -> str:
    """Date of the scores, from the first line."""
    found = _DATE.search(line)
    return found[1] if found else ""
