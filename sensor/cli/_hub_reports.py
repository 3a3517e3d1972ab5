"""``sensor hub report``: scheduled reports, and a report of a site or of all for a file."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, opened
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock

if TYPE_CHECKING:
    from sensor.hub.reports import ReportRow, Schedule

SCHEDULES = ("name", "site", "every", "format", "next", "author")
REPORTS = ("number", "report", "site", "made", "bytes", "state")
USES = "expected report list, report add NAME, report remove NAME, report save NUMBER FILE, or report make FILE"
DAYS = {"1d": "day", "7d": "week"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def report(args: argparse.Namespace) -> int:
    """Run the action after ``report``; 1 if a name or number is unknown, 2 for invalid arguments, 3 if a file cannot be
    written or a report cannot be made.
    """
    action, *words = args.operands or ["list"]
    known: dict[str, tuple[Callable[..., int], int]] = {
        "list": (_list, 0),
        "add": (_add, 1),
        "remove": (_remove, 1),
        "save": (_save, 2),
        "make": (_make, 1),
    }
    if action not in known or len(words) != known[action][1]:
        raise Exit(USAGE, USES, error="usage.missing-argument")
    check_extra()
    return known[action][0](args, *words)


def _list(args: argparse.Namespace) -> int:
    from sensor.hub.reports import list_reports, list_schedules

    sites = [args.site] if args.site is not None else None
    with opened(args) as base:
        schedules, found = list_schedules(base, sites), list_reports(base, sites, max(1, args.limit))
    if args.json:
        for row in found:
            put(msgspec.json.encode(row).decode())
        return DONE
    put(table(SCHEDULES, [_schedule_cells(one) for one in schedules], sys.stdout) if schedules else "no schedules")
    put(table(REPORTS, [_report_cells(one) for one in found], sys.stdout) if found else "no reports")
    return DONE


def _add(args: argparse.Namespace, name: str) -> int:
    from sensor.cli._devices_actions import author_of
    from sensor.hub.reports import Schedule, add_schedule

    if not _NAME.fullmatch(name):
        message = f"found the name {tidy(name)!r}, expected letters, digits and ._-"
        raise Exit(USAGE, message, error="usage.invalid-value")
    every = DAYS.get(args.every or "7d", "")
    if not every:
        raise Exit(USAGE, f"--every: found {tidy(args.every)!r}, expected 1d or 7d", error="usage.invalid-value")
    with opened(args) as base:
        one = Schedule(name, args.site, every, args.format, author_of(args))
        if not add_schedule(base, one, datetime.now(UTC)):
            message = f"another scheduled report has the name {name!r}, or there are too many"
            raise Exit(NOT_FOUND, message, error="hub.report")
    put(f"{name}: a report of each {every}, after its end (UTC); `sensor hub report` lists them")
    return DONE


def _remove(args: argparse.Namespace, name: str) -> int:
    from sensor.hub.reports import remove_schedule

    with opened(args) as base:
        if not remove_schedule(base, name):
            raise _unknown(f"scheduled report {tidy(name)!r}")
    put(f"{tidy(name)} and its reports are removed")
    return DONE


def _save(args: argparse.Namespace, number: str, file: str) -> int:
    from sensor.hub.reports import stored

    with opened(args) as base:
        found = stored(base, number)
    if found is None:
        raise _unknown(f"report with the number {tidy(number)}")
    return _write(Path(file), found[1])


def _make(args: argparse.Namespace, file: str) -> int:
    """A report of the time since --since (default: the last seven days) until now."""
    from sensor.cli._hub_hunt import moment_of
    from sensor.console.reports import FORMATS
    from sensor.hub.report_log import Span
    from sensor.hub.reports import NotMade, make

    form = Path(file).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        message = f"found {tidy(file)}, expected a name that ends with .html, .pdf or .json"
        raise Exit(USAGE, message, error="usage.invalid-value")
    since, until = moment_of(args.since or "7d"), moment_of(args.until) if args.until else datetime.now(UTC)
    if since >= until:
        raise Exit(USAGE, "expected --since before --until", error="usage.invalid-value")
    with opened(args) as base:
        try:
            body = make(base, Span(args.site, since, until), form)
        except NotMade as error:
            raise Exit(NOT_OPENED, tidy(str(error)), error="report.not-possible") from None
    return _write(Path(file), body)


def _write(path: Path, body: bytes) -> int:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write {path}: {error.strerror}", error="file.not-written") from None
    put(f"{path}: {len(body):,} bytes")
    return DONE


def _schedule_cells(one: Schedule) -> tuple[str, ...]:
    from sensor.hub.reports import site_of

    following = clock(one.next.astimezone(UTC).isoformat()) if one.next else ""
    return tuple(map(tidy, (one.name, site_of(one), one.every, one.format, following, one.author)))


def _report_cells(one: ReportRow) -> tuple[str, ...]:
    from sensor.hub.reports import site_of

    made = clock(one.made.astimezone(UTC).isoformat())
    state = f"failed: {one.fault}" if one.fault else "done"
    return tuple(map(tidy, (str(one.number), one.file_name, site_of(one), made, f"{one.size:,}", state)))


def _unknown(what: str) -> Exit:
    return Exit(NOT_FOUND, f"no {what}: `sensor hub report` lists them", error="hub.report")
