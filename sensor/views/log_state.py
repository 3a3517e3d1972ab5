"""The state at the end of an event log, or at a time within it: for logs without tables, and for data that tables do
not have, such as every record of a period.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sensor.core.foreign import part, tidy
from sensor.eventlog.fold import Fold
from sensor.eventlog.paths import notes_log
from sensor.eventlog.reader import Reader
from sensor.tables.notes import Note, read_notes

Take = Callable[[dict[str, Any]], bool]


class LogState(NamedTuple):
    """``fold``: the last record of each device, alert, incident and recommendation, including alerts that the operator
    closed; ``broken``: number of lines that are not records, ``damage``: the first of them; ``missing``: records that
    retention removed before they were read.
    """

    fold: Fold
    broken: int
    damage: str
    missing: int


def log_state(log: Path, take: Take | None = None) -> LogState:
    """Read a whole log. ``take`` gets every record, and returns whether to count it. Raises OSError if the log cannot
    be read.
    """
    fold, reader = Fold(), Reader(log)
    for record in reader:
        if take is None or take(record):
            fold.add(record)
    _close_noted(fold, log)
    return LogState(fold, reader.broken, str(reader.damages[0]) if reader.broken else "", reader.missing)


def _close_noted(fold: Fold, log: Path) -> None:
    """Close the alerts that the operator closed, even if the sensor could no longer record that, or had closed them
    itself after the suppression time.
    """
    last = _last_notes(notes_log(log))
    for record in fold.alerts.values() if last else ():
        alert = part(record, "alert")
        note = last.get(tidy(alert.get("id")))
        if note is not None and note.action == "reopen":
            record["action"] = "update"
            alert.pop("closed", None)
        elif note is not None and "closed" not in alert:
            record["action"] = "close"
            alert["closed"] = {"by": note.by} | ({"reason": note.text} if note.text else {})


def _last_notes(path: Path) -> dict[str, Note]:
    """The last note that closed or reopened each alert."""
    last: dict[str, Note] = {}
    notes, place = read_notes(path, 0)
    while notes:
        last |= {note.alert: note for note in notes if note.action in ("close", "reopen")}
        notes, place = read_notes(path, place)
    return last
