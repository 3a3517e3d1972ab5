"""``sensor alerts show, close, comment, why``: one alert in full, the operator's notes beside the log, and what mutes kept silent."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._data import need_log
from sensor.cli._devices_words import author_of
from sensor.cli._notes import notes
from sensor.cli._setup import complain
from sensor.cli._show import alert_row, coloured, part, put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold

Record = dict[str, Any]
WHY_COLUMNS = ("mute", "author", "reason", "time", "alert", "detector", "actor → target", "count", "summary")


def show(args: argparse.Namespace) -> int:
    """``show ALERT|INCIDENT…``: as `sensor explain`, and what was noted."""
    from sensor.cli._incidents import explain_incident
    from sensor.cli.explain import explain_alert

    path, fold = _read(args)
    alerts, missing = _named(fold, args.words)
    if not args.words or missing:
        return _missing(missing, "show ALERT|INCIDENT…")
    if args.json:
        for record in alerts:
            put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    colours, told = coloured(sys.stdout), []
    for record in alerts:
        name = tidy(part(record, "alert").get("id"))
        lines = explain_alert(record, fold, colours) if name else explain_incident(record, colours)
        mine = [note for note in notes(path) if note.alert == name]
        noted = [f"    {clock(note.ts)} {tidy(note.by)} {_WORDS[note.action]}{': ' + tidy(note.text) if note.text else ''}" for note in mine]
        told.append("\n".join([*lines, *(["  noted", *noted] if noted else [])]))
    put("\n\n".join(told))
    return 0


def close(args: argparse.Namespace) -> int:
    """``close ALERT…``."""
    return _note(args, args.words, "close", args.reason, "close ALERT… --reason TEXT")


def comment(args: argparse.Namespace) -> int:
    """``comment ALERT TEXT…``."""
    usage = "comment ALERT TEXT…, such as comment alert-5k2m8q asked the owner"
    if len(args.words) < 2:
        return _missing([], usage)
    return _note(args, args.words[:1], "comment", " ".join(args.words[1:]), usage)


def why(args: argparse.Namespace) -> int:
    """``why``: what was silenced and by what."""
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.paths import muted_log
    from sensor.eventlog.reader import Reader

    path, fold = need_log(args, "what mutes silenced"), Fold()
    if muted_log(path).is_file():
        for record in Reader(muted_log(path)):
            fold.add(record)
    records = list(fold.alerts.values())
    if args.json:
        for record in records:
            put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    put(f"{table(WHY_COLUMNS, sorted(map(_silenced, records)), sys.stdout)}\n{len(records):,} alerts silenced" if records else "no mute silenced anything")
    return 0


_WORDS = {"close": "closed it", "comment": "said"}
_DONE = {"close": "closed", "comment": "commented on"}


def _silenced(record: Record) -> tuple[str, ...]:
    mute = part(part(record, "alert"), "muted")
    _, when, *rest = alert_row(record)
    return tidy(mute.get("id")), tidy(mute.get("author")), tidy(mute.get("reason")), when, *rest


def _note(args: argparse.Namespace, names: list[str], action: str, text: str, usage: str) -> int:
    """Add a note to the log of notes for each of the alerts."""
    path, fold = _read(args)
    found, missing = _named(fold, names)
    alerts = [name for record in found if (name := tidy(part(record, "alert").get("id")))]
    if missing or not alerts:
        return _missing(missing, usage)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = [json.dumps({"ts": now, "alert": name, "action": action, "by": author_of(args), "text": tidy(text)}, ensure_ascii=False) for name in alerts]
    from sensor.eventlog.paths import notes_log

    try:
        with notes_log(path).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
    except OSError as error:
        complain(f"cannot write {notes_log(path)}: {error.strerror}")
        return NOT_OPENED
    put(f"{_DONE[action]} {', '.join(alerts)}")
    return 0


def _read(args: argparse.Namespace) -> tuple[Path, Fold]:
    """The log and how things stand at its end."""
    from sensor.cli._log import folded

    path = need_log(args, "alerts")
    return path, folded(path)


def _named(fold: Fold, names: list[str]) -> tuple[list[Record], list[str]]:
    """The alerts and incidents of some ids, and the ids that are none."""
    known = {tidy(part(record, "alert").get("id")): record for record in fold.alerts.values()} | fold.incidents
    return [known[name] for name in names if name in known], [name for name in names if name not in known]


def _missing(names: list[str], usage: str) -> int:
    if names:
        complain(f"no alert {', '.join(names)} in the log")
        return NOT_FOUND
    complain(f"expected {usage}")
    return USAGE
