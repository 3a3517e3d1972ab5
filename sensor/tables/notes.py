"""Operator notes about alerts: lines of the notes beside the log (``eventlog.paths.notes_log``), stored as rows, and
the resulting state.

The notes are the durable form, as the log is for records. A note applies from its line on; the last one of its kind
counts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sensor.tables.lines import TEXT, WORD, time_or

ACTIONS = ("close", "acknowledge", "reopen", "assign", "verdict", "comment")
STATES = {"close": "closed", "acknowledge": "acknowledged", "reopen": "open"}
VERDICTS = ("true_positive", "benign", "false_positive")
NOTES_LIMIT = 1 << 20


class Note(msgspec.Struct, frozen=True):
    """One line of the notes. ``value``: the verdict, or the assignee; ``text``: a reason or a comment; ``ts``: RFC
    3339.
    """

    ts: str
    alert: str
    action: str
    by: str
    text: str = ""
    value: str = ""


class AlertState(msgspec.Struct):
    """The resulting state of an alert. ``state``: empty if the operator set none."""

    state: str = ""
    verdict: str = ""
    assignee: str = ""

    def apply(self, action: str, value: str) -> None:
        """Apply one more note."""
        if action in STATES:
            self.state = STATES[action]
        elif action == "assign":
            self.assignee = value
        elif action == "verdict":
            self.verdict = value if value in VERDICTS else ""


def read_notes(path: Path, start: int) -> tuple[list[Note], int]:
    """The notes from an offset on, at most NOTES_LIMIT bytes of them, and the offset of the next ones. An incomplete
    line waits for its end; invalid lines are skipped.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            text = file.read(NOTES_LIMIT)
    except FileNotFoundError:
        return [], start
    whole = text[: text.rfind(b"\n") + 1]
    return [note for line in whole.splitlines() if (note := _note(line)) is not None], start + len(whole)


def _note(line: bytes) -> Note | None:
    try:
        note = msgspec.json.decode(line, type=Note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return note if note.action in ACTIONS else None


def append_notes(path: Path, notes: Iterable[Note]) -> None:
    """Append lines, all or none of them. Raises OSError."""
    append_lines(path, b"".join(_line(note) + b"\n" for note in notes), 0o666)


def append_lines(path: Path, text: bytes, mode: int) -> None:
    """Append whole lines, all or none of them: processes wait for each other. A file created by root belongs to the
    owner of its folder, whose sensor writes it too. ``mode``: of a new file. Raises OSError.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if not size and os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
        if (
            size and os.pread(file, 1, size - 1) != b"\n"
        ):  # an incomplete line of a crash: the next line must not become part of it
            text = b"\n" + text
        if os.write(file, text) < len(text):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(file)


def _line(note: Note) -> bytes:
    fields = msgspec.structs.asdict(note)
    return msgspec.json.encode(
        fields if note.value else {name: value for name, value in fields.items() if name != "value"}
    )


def save_notes(base: sqlite3.Connection, notes: Iterable[Note]) -> list[str]:
    """Save notes; returns the ids of their alerts."""
    rows = [
        (time_or(one.ts, 0), one.by[:WORD], one.alert[:WORD], one.action, one.value[:WORD], one.text[:TEXT])
        for one in notes
    ]
    base.executemany("INSERT INTO alert_words (ts, author, alert, action, value, text) VALUES (?, ?, ?, ?, ?, ?)", rows)
    return list(dict.fromkeys(row[2] for row in rows))


def states_of(base: sqlite3.Connection, alerts: list[str]) -> dict[str, AlertState]:
    """The resulting state of those of the given alerts (by id) that have notes."""
    states: dict[str, AlertState] = {}
    if base.execute("SELECT 1 FROM alert_words LIMIT 1").fetchone() is None:
        return states
    wanted = (
        "SELECT alert, action, value FROM alert_words WHERE alert IN (SELECT value FROM json_each(?)) ORDER BY number"
    )
    for alert, action, value in base.execute(wanted, (msgspec.json.encode(alerts).decode(),)):
        states.setdefault(alert, AlertState()).apply(action, value)
    return states
