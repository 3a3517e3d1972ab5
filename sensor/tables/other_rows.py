"""Other records as rows: incidents, recommendations, health findings, and the timeline."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sensor.tables.batch import SUMMARY, Moment, Other
from sensor.tables.lines import WORD

# Existing rows are updated: replacing one rewrites all entries of all its indexes.
_INCIDENT = """
INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
state = excluded.state, severity = excluded.severity, risk = excluded.risk, count = excluded.count,
first = excluded.first, last = excluded.last, seq = excluded.seq, summary = excluded.summary, record = excluded.record
"""
_RECOMMENDATION = """
INSERT INTO recommendations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
state = excluded.state, severity = excluded.severity, setting = excluded.setting, device = excluded.device,
first = excluded.first, last = excluded.last, seq = excluded.seq, summary = excluded.summary, record = excluded.record
"""
# No number is read twice (``LogCursor``), so none exists already.
_FINDING = "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)"
_MOMENT = "INSERT INTO timeline VALUES (?, ?, ?, ?, ?, ?, ?)"


def save_incidents(base: sqlite3.Connection, lines: Iterable[Other]) -> None:
    """The last record of each incident counts. An alert stays part of an incident if later records leave it out, since
    the number of chapters is limited.
    """
    rows = {}
    parts: dict[tuple[str, str], None] = {}
    for line, text in lines:
        part = line.incident
        if part is not None:
            parts |= dict.fromkeys((chapter.alert[:WORD], part.id[:WORD]) for chapter in part.story)
            state = "closed" if line.action == "close" else "open"
            times = line.time_or(part.first, line.ns), line.time_or(part.last, line.ns)
            rows[part.id[:WORD]] = (
                part.id[:WORD],
                state,
                line.level,
                part.risk,
                part.count,
                *times,
                line.sensor.seq,
                line.summary,
                text,
            )
    base.executemany(_INCIDENT, rows.values())
    base.executemany("INSERT OR IGNORE INTO incident_alerts VALUES (?, ?)", parts)


def save_recommendations(base: sqlite3.Connection, lines: Iterable[Other]) -> None:
    """The last record of each recommendation counts."""
    rows = {}
    for line, text in lines:
        part = line.recommendation
        if part is not None:
            state = "closed" if line.action == "close" else "open"
            whose = (line.src.device or line.src.ip or line.src.mac)[:WORD]
            times = line.time_or(part.first, line.ns), line.time_or(part.last, line.ns)
            rows[part.id[:WORD]] = (
                part.id[:WORD],
                state,
                line.level,
                part.setting[:WORD],
                whose,
                *times,
                line.sensor.seq,
                line.summary,
                text,
            )
    base.executemany(_RECOMMENDATION, rows.values())


def save_findings(base: sqlite3.Connection, lines: Iterable[Other]) -> None:
    """Health events of the sensor. Of its figures, written once a minute, the last are kept."""
    rows = [
        (line.sensor.seq, line.ns, line.action, line.facts.check[:WORD], line.level, line.summary, text)
        for line, text in lines
    ]
    last = max((row[0] for row in rows if row[2] == SUMMARY), default=0)
    if last:
        base.execute("DELETE FROM findings WHERE action = ?", (SUMMARY,))
    base.executemany(_FINDING, [row for row in rows if row[2] != SUMMARY or row[0] == last])


def save_moments(base: sqlite3.Connection, moments: Iterable[Moment]) -> None:
    """Rows of the timeline."""
    base.executemany(_MOMENT, moments)
