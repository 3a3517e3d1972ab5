"""Actions of operators on alerts. They are notes beside the event log, as `sensor alerts` writes them; tables are never
changed directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sensor.console.sources import Opened
from sensor.console.undo import AlertBefore
from sensor.core.reader import clean
from sensor.tables.notes import VERDICTS, Note
from sensor.views.alert_groups import NOBODY, NONE
from sensor.views.alerts import AlertRow
from sensor.views.errors import Malformed, one_of
from sensor.views.page import Facets

ACTIONS = ("acknowledge", "close", "reopen", "assign", "verdict", "comment")
DONE = {
    "acknowledge": "acknowledged", "close": "closed", "reopen": "reopened", "assign": "assigned", "verdict": "judged",
    "comment": "commented on",
}  # fmt: skip
# Limit of alerts that one action may change: a larger number is more likely an incorrect filter.
AT_ONCE = 100_000
TEXT_LIMIT = 2000
NoteParts = tuple[str, str, str]


def notes_of(action: str, value: str, text: str) -> list[NoteParts]:
    """The notes (action, value, text) of a submitted form. ``value``: the assignee or the verdict; ``close`` may have a
    verdict too. Raises Unknown, Malformed.
    """
    one_of("action", [action], ACTIONS)
    value, text = clean(value).strip(), clean(text, TEXT_LIMIT)
    if action == "comment" and not text:
        raise Malformed("text", text, "a comment")
    if action == "assign":
        if not value:
            raise Malformed("value", value, f"the name of an assignee, or {NOBODY}")
        return [("assign", "" if value == NOBODY else value, text)]
    if action == "verdict":
        return [("verdict", _verdict(value), text)]
    if action == "close" and value:
        return [("verdict", _verdict(value), ""), ("close", "", text)]
    return [(action, "", text)]


def assignees(facets: Facets, user: str) -> list[str]:
    """The assignees to offer: the user, assignees of existing alerts, and none."""
    return list(dict.fromkeys([user, *facets.get("assignee", {}), NOBODY]))


def _verdict(value: str) -> str:
    judged = value.replace("-", "_").casefold()
    one_of("verdict", [judged], (*VERDICTS, NONE))
    return "" if judged == NONE else judged


def add_notes(opened: Opened, author: str, rows: Sequence[AlertRow], added: Sequence[NoteParts]) -> None:
    """Add the same notes to several alerts. Raises OSError if the notes cannot be written."""
    _append(opened, author, [(row.id, *word) for row in rows for word in added])


def undo_notes(opened: Opened, author: str, before: Sequence[AlertBefore], rows: Sequence[AlertRow]) -> None:
    """Restore the former state of alerts by new notes: notes are never removed. Raises OSError."""
    notes = [(old.id, *word) for old, new in zip(before, rows, strict=True) for word in _back(old, new)]
    _append(opened, author, notes)


def _back(old: AlertBefore, new: AlertRow) -> list[NoteParts]:
    states = {"open": "reopen", "acknowledged": "acknowledge", "closed": "close"}
    found: list[NoteParts] = []
    if new.state != old.state:
        found.append((states[old.state], "", "undone"))
    if new.verdict != old.verdict:
        found.append(("verdict", old.verdict, "undone"))
    if new.assignee != old.assignee:
        found.append(("assign", old.assignee, "undone"))
    return found


def _append(opened: Opened, author: str, notes: Sequence[tuple[str, str, str, str]]) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    opened.add_notes([Note(now, alert, action, author, text, value) for alert, action, value, text in notes])
