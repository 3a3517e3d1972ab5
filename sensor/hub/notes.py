"""Operators' notes on alerts, in a separate table that batches do not change; the newest note applies."""

from __future__ import annotations

from typing import LiteralString, NamedTuple

from sensor.hub.database import Connection

TEXT_LIMIT = 500
_PUT: LiteralString = """
INSERT INTO alert_notes (sensor, alert, at, author, state, verdict, assignee, comment)
SELECT a.sensor, a.id, clock_timestamp(), %(author)s, coalesce(%(state)s, a.noted), coalesce(%(verdict)s, a.verdict),
    coalesce(%(assignee)s, a.assignee), %(comment)s
FROM alerts t JOIN alerts a ON a.number = coalesce(nullif(t.counted_as, 0), t.number)
    OR a.counted_as <> 0 AND a.counted_as = coalesce(nullif(t.counted_as, 0), t.number)
WHERE t.sensor = %(sensor)s AND t.id = %(alert)s"""


class Note(NamedTuple):
    """``alert``: its id, or a unique prefix; fields that are None stay unchanged."""

    alert: str
    author: str
    state: str | None = None
    verdict: str | None = None
    assignee: str | None = None
    comment: str = ""


def put_note(base: Connection, sensor: int, note: Note) -> None:
    """Add a note to an alert of a sensor, and to the same alert of other sensors. ``note.alert``: its whole id."""
    values = {name: value[:TEXT_LIMIT] if value is not None else None for name, value in note._asdict().items()}
    base.execute(_PUT, values | {"sensor": sensor})


def add_note(base: Connection, note: Note) -> bool:
    """Add a note. Returns whether exactly one alert matches."""
    found = base.execute("SELECT sensor, id FROM alerts WHERE starts_with(id, %s) LIMIT 2", [note.alert]).fetchall()
    if len(found) != 1:
        return False
    put_note(base, found[0][0], note._replace(alert=found[0][1]))
    return True
