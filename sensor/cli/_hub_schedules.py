"""``sensor hub`` schedule, unschedule, schedules, findings: scheduled hunts. Texts of sensors are cleaned first."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import DONE, INCOMPLETE, NOT_FOUND, USAGE, Exit
from sensor.cli._hub_base import check_extra, opened
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core.severities import SEVERITIES

if TYPE_CHECKING:
    from sensor.hub.scheduled_hunts import ScheduleRow

SCHEDULES = ("name", "every", "sites", "last run", "findings", "unknown", "query")
FINDINGS = ("last", "sensor", "runs", "row")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EVERY = re.compile(r"(\d{1,4})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LINE_LIMIT = 300


def schedule(args: argparse.Namespace) -> int:
    """Add a schedule; 1 if the name is in use, 2 if a value is invalid."""
    check_extra()
    from sensor.cli._devices_actions import author_of
    from sensor.cli._hub_hunt import query_of
    from sensor.hub.scheduled_hunts import Schedule, add_schedule

    if len(args.operands) != 2 or not _NAME.fullmatch(args.operands[0]):
        text = "expected sensor hub schedule NAME QUERY --every TIME, with a name of letters, digits and ._-"
        raise Exit(USAGE, text, error="usage.missing-argument")
    name, query = args.operands[0], query_of(args.operands[1])
    severity = SEVERITIES.index(args.severity)
    made = Schedule(name, query, _every(args.every), args.site, severity, author_of(args))
    with opened(args) as base:
        if not add_schedule(base, made, datetime.now(UTC)):
            raise Exit(NOT_FOUND, f"another scheduled hunt has the name {name!r}", error="hub.schedule")
    put(f"{name} runs every {args.every}, first within ten minutes; `sensor hub findings {name}` lists its rows")
    return DONE


def unschedule(args: argparse.Namespace) -> int:
    """Remove a schedule; 1 if there is none."""
    from sensor.hub.scheduled_hunts import remove_schedule

    name = _name(args, "unschedule NAME")
    with opened(args) as base:
        if not remove_schedule(base, name):
            raise _unknown(name)
    put(f"{tidy(name)} and its findings are removed")
    return DONE


def schedules(args: argparse.Namespace) -> int:
    """List schedules with the result of the last run."""
    check_extra()
    from sensor.hub.scheduled_hunts import list_schedules

    with opened(args) as base:
        rows = list_schedules(base)
    if args.json:
        for row in rows:
            put(msgspec.json.encode(row).decode())
        return DONE
    cells = [_cells(row) for row in rows]
    put(table(SCHEDULES, [tuple(map(tidy, row)) for row in cells], sys.stdout) if cells else "no scheduled hunts")
    return DONE


def findings(args: argparse.Namespace) -> int:
    """List the findings of a hunt; 1 if there are none, 6 if the answer of a sensor is unknown, or it has not run."""
    from sensor.hub.scheduled_hunts import list_findings, list_schedules

    name = _name(args, "findings NAME")
    with opened(args) as base:
        known = next((row for row in list_schedules(base) if row.name == name), None)
        rows = list_findings(base, name, max(1, args.limit))
    if known is None:
        raise _unknown(name)
    if args.json:
        for row in rows:
            put(msgspec.json.encode(row).decode())
    elif rows:
        cells = [
            (clock(row.last.astimezone(UTC).isoformat()), f"{row.site}/{row.sensor}", f"{row.count:,}", row.row)
            for row in rows
        ]
        put(table(FINDINGS, [tuple(tidy(cell, LINE_LIMIT) for cell in row) for row in cells], sys.stdout))
    missing = [known.fault] if known.fault else known.unknown
    for line in [*missing, *([] if known.ran else ["it has not run yet"])]:
        print(f"unknown: {tidy(line, LINE_LIMIT)}", file=sys.stderr)
    return INCOMPLETE if missing or known.ran is None else DONE if rows else NOT_FOUND


def _cells(row: ScheduleRow) -> tuple[str, ...]:
    ran = clock(row.ran.astimezone(UTC).isoformat()) if row.ran else "never"
    unknown = row.fault or (f"{len(row.unknown):,} of the sensors" if row.unknown else "none")
    return (row.name, _text_of(row.every), row.site or "all", ran, f"{row.findings:,}", unknown, row.query)


def _every(text: str | None) -> timedelta:
    """Raises Exit unless it is a duration of at least ten minutes."""
    from sensor.hub.scheduled_hunts import LEAST_EVERY, LONGEST

    found = _EVERY.fullmatch(text or "")
    span = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not LEAST_EVERY <= span <= LONGEST:
        message = f"--every: found {text!r}, expected a time such as 30m, 6h or 1d, from 10m to 30d"
        raise Exit(USAGE, message, error="usage.invalid-value")
    return span


def _text_of(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes % 1440 == 0:
        return f"{minutes // 1440}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _name(args: argparse.Namespace, usage: str) -> str:
    check_extra()
    if len(args.operands) != 1:
        raise Exit(USAGE, f"expected sensor hub {usage}", error="usage.missing-argument")
    return str(args.operands[0])


def _unknown(name: str) -> Exit:
    return Exit(NOT_FOUND, f"no scheduled hunt {tidy(name)!r}: `sensor hub schedules` lists them", error="hub.schedule")
