"""Incidents as text: one line each, or all steps in order."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, TextIO

from sensor.cli._codes import USAGE, Exit
from sensor.cli._colors import STYLES, paint
from sensor.cli._show import end_name, level, number, part, put, tidy, with_state
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core.ids import short_id
from sensor.core.phrases import counted, some
from sensor.core.severities import SEVERITIES

Record = dict[str, Any]

TARGETS = 12
COLUMNS = ("severity", "last seen", "incident", "risk", "alerts", "state", "summary")


def list_incidents(args: argparse.Namespace) -> int:
    """Print the incidents that match the filters."""
    from sensor.cli._alerts_list import filter_of
    from sensor.cli._views import stop_of, views_of
    from sensor.views.errors import ViewError
    from sensor.views.stories import StoryFilter, incidents

    _check_filters(args)
    data, wanted = views_of(args, "incidents"), filter_of(args)
    states = tuple(dict.fromkeys("closed" if state == "closed" else "open" for state in wanted.state))
    found = StoryFilter(
        text=wanted.text, state=states, severity=wanted.severity, since=wanted.since, until=wanted.until
    )
    records: list[Record] = []
    cursor = ""
    try:
        while len(records) < (args.count or sys.maxsize):
            page = incidents(
                data, found, "severity", limit=min(1000, (args.count or sys.maxsize) - len(records)), cursor=cursor
            )
            records += [with_state(row) for row in page.rows]
            if not (cursor := page.cursor):
                break
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None
    for record in records if args.json else ():
        put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    if not args.json:
        put(table_of_incidents(records, sys.stdout))
    return 0


def _check_filters(args: argparse.Namespace) -> None:
    """Raises Exit for filters that only alerts have: without them the list would seem to match."""
    wanted = {name: getattr(args, name) for name in ("verdict", "assignee", "detector", "src", "dst", "device", "site")}
    wanted["vlan"] = args.vlan is not None
    if useless := ", ".join(f"--{name}" for name, value in wanted.items() if value):
        raise Exit(
            USAGE,
            f"found {useless}, expected --text, --status, --open, --severity, --since or --until: "
            "incidents have no other filters",
            error="usage.unexpected-argument",
        )


def table_of_incidents(records: Iterable[Record], out: TextIO) -> str:
    """A table, most severe and newest first, and their number."""
    found = [(level(record), tidy(part(record, "incident").get("last")), _row(record)) for record in records]
    if not found:
        return "no incidents"
    found.sort(key=itemgetter(1), reverse=True)
    found.sort(key=itemgetter(0), reverse=True)
    rows = [row for *_, row in found]
    return f"{table(COLUMNS, rows, out, lambda row: STYLES.get(row[0], ''))}\n{counted(len(rows), 'incident')}"


def _row(record: Record) -> tuple[str, ...]:
    incident = part(record, "incident")
    cells = [short_id(tidy(incident.get("id"))), *(tidy(incident.get(name)) for name in ("risk", "count"))]
    return (
        SEVERITIES[level(record)],
        clock(incident.get("last")),
        *cells,
        _state(record),
        tidy(record.get("msg")),
    )


def _state(record: Record) -> str:
    """The state from the tables, or else that of the record."""
    return tidy(part(record, "incident").get("state")) or ("closed" if record.get("action") == "close" else "open")


def explain_incident(record: Record, alert_of: Callable[[str], Record], colours: bool = False) -> list[str]:
    """An incident as lines of text: devices, tactics, its steps in order, and the response. ``alert_of``: the record of
    an alert by its id, empty if it is unknown.
    """
    from sensor.core.record_parts import objects
    from sensor.views.responses import responses

    incident, severity = part(record, "incident"), SEVERITIES[level(record)]
    head = (
        f"{severity}: incident of {counted(number(incident.get('count')), 'alert')} ({tidy(incident.get('id'))}, "
        f"risk {tidy(incident.get('risk'))}, {_state(record)})"
    )
    lines = [paint(head, STYLES.get(severity, "") or "bold", colours), f"  {tidy(record.get('msg'))}"]
    facts = {
        "actors": [end_name(actor) for actor in objects(incident.get("actors"))],
        "targets": some(list(dict.fromkeys(end_name(end) for end in objects(record.get("targets")))), TARGETS),
        "when": f"{clock(incident.get('first'))} to {clock(incident.get('last'))}",
        "tactics": incident.get("tactics"),
        "ATT&CK": "; ".join(
            f"{tidy(one.get('technique'))} {tidy(one.get('name'))}" for one in objects(incident.get("attack"))
        ),
    }
    lines += [f"  {name:11} {tidy(value)}" for name, value in facts.items() if value]
    lines.append("  story")
    for chapter in objects(incident.get("story")):
        word, count = tidy(chapter.get("severity")), chapter.get("count")
        times = f", {count} times" if isinstance(count, int) and count > 1 else ""
        lines.append(
            f"    {clock(chapter.get('ts'))} {paint(word, STYLES.get(word, ''), colours)}: "
            f"{tidy(chapter.get('msg'))} ({tidy(chapter.get('alert'))}{times})"
        )
    if incident.get("left_out"):
        lines.append(f"    and {tidy(incident['left_out'])} more alerts")
    if found := responses(record, alert_of):
        lines += ["  response", *(f"    {tidy(one.title)}: {tidy(one.advice, 1024)}" for one in found)]
    return lines
