"""Actions of `sensor alerts`: show, acknowledge, close, assign, verdict, comment; and alerts suppressed by mutes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sensor.cli._alerts_list import are_known, filter_of, is_narrowed, names_of, record_of
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._colors import coloured
from sensor.cli._data import need_log
from sensor.cli._devices_actions import author_of
from sensor.cli._setup import complain
from sensor.cli._show import ALERT_COLUMNS, alert_row, part, put, tidy, with_state
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.cli._views import stop_of, views_of
from sensor.core.phrases import counted
from sensor.core.record_parts import objects, time_text

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.views.alerts import AlertNote
    from sensor.views.dataset import Data

Record = dict[str, Any]
# Limit of alerts that one action may change: a larger number is more likely an incorrect filter.
AT_ONCE = 100_000
NOBODY = "nobody"
MUTED_COLUMNS = ("mute", "author", "reason", "last seen", "alert", "detector", "actor → target", "count", "summary")


def show(args: argparse.Namespace) -> int:
    """``show ALERT|INCIDENT…``: as `sensor explain`, with operator notes."""
    from sensor.cli._incidents import explain_incident
    from sensor.cli.explain import explain_alert
    from sensor.views.alerts import alert, closers, records
    from sensor.views.errors import ViewError
    from sensor.views.responses import stored
    from sensor.views.stories import incident

    if not args.operands:
        return _expected("show ALERT|INCIDENT…")
    data, colours, sections = views_of(args, "alerts"), coloured(sys.stdout), []
    try:
        for name in args.operands:
            if name.startswith("incident"):
                record = with_state(incident(data, name))
                sections.append((record, explain_incident(record, stored(partial(records, data), record), colours)))
                continue
            found = alert(data, name)
            record = record_of(found.alert, closers(data, [found.alert]).get(found.alert.id))
            sections.append(
                (
                    record,
                    [
                        *explain_alert(record, _around(data, record, found.incidents), colours),
                        *_note_lines(found.notes),
                    ],
                )
            )
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None
    if args.json:
        for record, _ in sections:
            put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    else:
        put("\n\n".join("\n".join(lines) for _, lines in sections))
    return 0


def ack(args: argparse.Namespace) -> int:
    """``ack ALERT…``."""
    return _add_notes(args, args.operands, [("acknowledge", "", args.reason)], "acknowledged", "ack ALERT…, or filters")


def close(args: argparse.Namespace) -> int:
    """``close ALERT…``."""
    verdicts = [("verdict", _verdict(args.judged), "")] if args.judged else []
    return _add_notes(
        args, args.operands, [*verdicts, ("close", "", args.reason)], "closed", "close ALERT… --reason TEXT, or filters"
    )


def reopen(args: argparse.Namespace) -> int:
    """``reopen ALERT…``."""
    return _add_notes(args, args.operands, [("reopen", "", args.reason)], "reopened", "reopen ALERT…, or filters")


def assign(args: argparse.Namespace) -> int:
    """``assign NAME ALERT…``."""
    usage = "assign NAME ALERT…, or assign NAME and filters"
    if not args.operands:
        return _expected(usage)
    name = tidy(args.operands[0])
    return _add_notes(
        args,
        args.operands[1:],
        [("assign", "" if name == NOBODY else name, args.reason)],
        f"assigned to {name}:",
        usage,
    )


def verdict(args: argparse.Namespace) -> int:
    """``verdict VERDICT ALERT…``."""
    usage = "verdict VERDICT ALERT…, or verdict VERDICT and filters"
    if not args.operands:
        return _expected(usage)
    chosen = _verdict(args.operands[0])
    return _add_notes(args, args.operands[1:], [("verdict", chosen, args.reason)], f"verdict {chosen}:", usage)


def comment(args: argparse.Namespace) -> int:
    """``comment ALERT TEXT…``."""
    usage = "comment ALERT TEXT…, such as comment alert-5k2m8q 'confirmed by the owner'"
    if len(args.operands) < 2:
        return _expected(usage)
    return _add_notes(args, args.operands[:1], [("comment", "", " ".join(args.operands[1:]))], "commented on", usage)


def muted(args: argparse.Namespace) -> int:
    """``muted``: suppressed alerts, and the mutes that suppressed them."""
    from sensor.views.mutes import every_muted

    try:
        records = [row.record for row in every_muted(views_of(args, "alerts suppressed by mutes"))]
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    if args.json:
        for record in records:
            put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    if not records:
        put("no mute suppressed an alert")
        return 0
    put(table(MUTED_COLUMNS, sorted(map(_silenced, records)), sys.stdout))
    put(f"{counted(len(records), 'alert')} suppressed")
    return 0


_WORDS = {
    "acknowledge": "acknowledged it",
    "close": "closed it",
    "reopen": "reopened it",
    "assign": "assigned it",
    "verdict": "set the verdict",
    "comment": "commented",
}


def _silenced(record: Record) -> tuple[str, ...]:
    mute = part(part(record, "alert"), "muted")
    row = dict(zip(ALERT_COLUMNS, alert_row(record), strict=True))
    return (*(tidy(mute.get(name)) for name in ("id", "author", "reason")), *(row[name] for name in MUTED_COLUMNS[3:]))


def _add_notes(
    args: argparse.Namespace, names: list[str], added: list[tuple[str, str, str]], done: str, usage: str
) -> int:
    """Add the same notes to several alerts: the named ones, or those that match the filters. ``added``: action, value
    and text of each.
    """
    from sensor.views.alerts import alert
    from sensor.views.backend import DatasetBackend, matching
    from sensor.views.errors import ViewError

    if not names and not is_narrowed(args):
        return _expected(usage)
    data = views_of(args, "alerts")
    try:
        if names:
            rows = [alert(data, name).alert for name in names]
        else:
            rows = matching(DatasetBackend(data), filter_of(args), AT_ONCE)
        if not rows and not are_known(args):
            return NOT_FOUND
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None
    if not args.dry_run and rows:
        _write(args, [row.id for row in rows], added)
    listed = f"{len(rows):,} alerts{': ' + names_of(rows) if rows else ''}" if len(rows) != 1 else names_of(rows)
    put(f"{'dry run, nothing changed:' if args.dry_run else done} {listed}")
    return 0


def _write(args: argparse.Namespace, alerts: list[str], added: list[tuple[str, str, str]]) -> None:
    """Add lines to the notes beside the log, and update the tables. Raises Exit if they cannot be written."""
    from sensor.eventlog.paths import notes_log
    from sensor.tables.notes import Note, append_notes

    path = notes_log(need_log(args, "alerts"))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    author = author_of(args)
    notes = [Note(now, name, action, author, tidy(text), value) for name in alerts for action, value, text in added]
    try:
        append_notes(path, notes)
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write {path}: {error.strerror}", error="file.not-written") from None


def _verdict(word: str) -> str:
    """A verdict in its stored form. Raises Exit if it is invalid."""
    from sensor.tables.notes import VERDICTS
    from sensor.views.errors import ViewError, one_of

    chosen = word.replace("-", "_").casefold()
    try:
        one_of("verdict", [chosen], VERDICTS)
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None
    return chosen


def _around(data: Data, record: Record, incidents: list[str]) -> Fold:
    """Related records for the explanation of an alert: its incidents, and the devices involved."""
    from sensor.eventlog.fold import Fold
    from sensor.views.devices import device
    from sensor.views.errors import ViewError
    from sensor.views.stories import incident

    fold = Fold()
    fold.incidents = {name: incident(data, name).record for name in incidents}
    ends = [part(record, "src"), part(record, "dst"), *objects(record.get("targets"))]
    for name in dict.fromkeys(tidy(end.get("device")) for end in ends):
        with contextlib.suppress(ViewError):  # it was purged, or is only in the log
            if name:
                fold.devices[name] = device(data, name)
    return fold


def _note_lines(notes: list[AlertNote]) -> list[str]:
    """Operator notes, as lines."""
    lines = [
        f"    {clock(time_text(note.ts))} {tidy(note.author)} {_WORDS[note.action]}"
        f"{': ' + ' '.join(filter(None, (tidy(note.value), tidy(note.text)))) if note.value or note.text else ''}"
        for note in notes
    ]
    return ["  noted", *lines] if lines else []


def _expected(usage: str) -> int:
    complain(f"expected {usage}", error="usage.missing-argument")
    return USAGE
