"""The operator's notes to alerts, which lie beside a log: who closed or commented on what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._show import part, tidy

if TYPE_CHECKING:
    from sensor.alerts.files import Note
    from sensor.eventlog.fold import Fold

ACTIONS = ("close", "reopen", "comment")


def notes(path: Path) -> list[Note]:
    """What was noted of the alerts of a log, in order."""
    from sensor.eventlog.paths import notes_log

    where = notes_log(path)
    if not where.is_file():
        return []
    from sensor.alerts.files import note_of

    return [
        note
        for line in where.read_bytes().splitlines()
        if (note := note_of(line)) is not None and note.action in ACTIONS
    ]


def close_noted(fold: Fold, path: Path) -> None:
    """What the operator closed is closed, also where the sensor that wrote the log could not say so any more, or had closed it itself when it fell silent."""
    last = {note.alert: note for note in notes(path) if note.action != "comment"}
    for record in fold.alerts.values() if last else ():
        alert = part(record, "alert")
        note = last.get(tidy(alert.get("id")))
        if note is not None and note.action == "reopen":
            record["action"] = "update"
            alert.pop("closed", None)
        elif note is not None and "closed" not in alert:
            record["action"] = "close"
            alert["closed"] = {"by": note.by} | ({"reason": note.text} if note.text else {})
