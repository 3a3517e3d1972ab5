"""Operators' notes on alerts, in a separate table that batches do not change; the newest note applies."""

from __future__ import annotations

from typing import LiteralString, NamedTuple

from sensor.hub.database import Connection

TEXT_LIMIT = 500
_ADD: LiteralString = """
INSERT INTO alert_notes (sensor, alert, author, state, verdict, assignee, comment)
SELECT a.sensor, a.id, %(author)s, coalesce(%(state)s, n.state, ''), coalesce(%(verdict)s, n.verdict, ''),
    coalesce(%(assignee)s, n.assignee, ''), %(comment)s
FROM alerts a LEFT JOIN LATERAL (
    SELECT state, verdict, assignee FROM alert_notes WHERE sensor = a.sensor AND alert = a.id ORDER BY at DESC LIMIT 1
) n ON true WHERE starts_with(a.id, %(alert)s) AND (SELECT count(*) FROM alerts WHERE starts_with(id, %(alert)s)) = 1"""


class Note(NamedTuple):
    """``alert``: its id, or a unique prefix; fields that are None stay unchanged."""

    alert: str
    author: str
    state: str | None = None
    verdict: str | None = None
    assignee: str | None = None
    comment: str = ""


def add_note(base: Connection, note: Note) -> bool:
    """Add a note. Returns whether exactly one alert matches."""
    values = {name: value[:TEXT_LIMIT] if value is not None else None for name, value in note._asdict().items()}
    return bool(base.execute(_ADD, values).rowcount)
