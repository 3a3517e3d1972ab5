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

_PUT: LiteralString = """
INSERT INTO alert_notes (sensor, alert, at, author, state, verdict, assignee, comment)
SELECT a.sensor, a.id, clock_timestamp(), %(author)s, coalesce(%(state)s, a.noted), coalesce(%(verdict)s, a.verdict),
    coalesce(%(assignee)s, a.assignee), %(comment)s
FROM alerts a WHERE a.sensor = %(sensor)s AND a.id = %(alert)s"""


class Note(NamedTuple):
    """``alert``: its id, or a unique prefix; fields that are None stay unchanged."""

    alert: str
    author: str
    state: str | None = None
    verdict: str | None = None
    assignee: str | None = None
    comment: str = ""


def put_note(base: Connection, sensor: int, note: Note) -> None:
    """Add a note to an alert of a sensor. ``note.alert``: its whole id."""
    base.execute(_PUT, _values(note) | {"sensor": sensor})


def add_note(base: Connection, note: Note) -> bool:
    """Add a note. Returns whether exactly one alert matches."""
    return bool(base.execute(_ADD, _values(note)).rowcount)


def _values(note: Note) -> dict[str, str | None]:
    return {name: value[:TEXT_LIMIT] if value is not None else None for name, value in note._asdict().items()}
