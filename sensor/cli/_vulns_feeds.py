"""``sensor vulns``: importing feeds, and listing them."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sensor.cli import _progress
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._opened import until_over
from sensor.cli._setup import complain
from sensor.cli._show import tidy
from sensor.cli._table import table
from sensor.core.phrases import counted
from sensor.posture.vulnerabilities.database import DatabaseError, open_to_read, open_to_write
from sensor.posture.vulnerabilities.importer import ImportResult, Origin
from sensor.posture.vulnerabilities.sources import GOOD, Source, name_for, sources_of
from sensor.posture.vulnerabilities.take_feed import take_feed

COLUMNS = ("source", "kind", "entries", "skipped", "data of", "imported", "state", "from")


def folder_of(args: argparse.Namespace) -> Path:
    """The folder of the database: the given one, otherwise the state folder."""
    from sensor.eventlog.paths import folder_to_read

    return args.state or folder_to_read()


def reading(args: argparse.Namespace) -> sqlite3.Connection | None:
    """The database, if anything was imported. Raises DatabaseError if it cannot be read."""
    base = open_to_read(folder_of(args))
    return until_over(base) if base is not None else None


def import_feeds(args: argparse.Namespace) -> int:
    """Import each separately: a failed one does not affect the others."""
    if not args.operands:
        complain(
            "expected import FILE|URL…: feeds of NVD 2.0, CVE JSON 5, KEV, EPSS or CSAF", error="usage.missing-argument"
        )
        return USAGE
    if unusable := [
        argument
        for argument in args.operands
        if "://" in argument and not (argument.lower().startswith("https://") and urlsplit(argument).hostname)
    ]:
        complain(f"found {tidy(unusable[0])}, expected an https:// URL or a file", error="usage.invalid-value")
        return USAGE
    places = [
        argument if "://" in argument else str(Path(argument).expanduser().absolute()) for argument in args.operands
    ]
    return _each(args, [Origin(name_for(place), place) for place in places])


def update(args: argparse.Namespace) -> int:
    """Import changed sources again."""
    known = _known(args)
    if isinstance(known, int):
        return known
    chosen = [known[name] for name in args.operands] if args.operands else list(known.values())
    if not chosen:
        print(f"nothing to update in {folder_of(args)}: `sensor vulns import FILE|URL…` imports a feed")
        return 0
    return _each(
        args,
        [
            Origin(one.name, one.place, "" if one.trouble else one.etag, "" if one.trouble else one.modified)
            for one in chosen
        ],
    )


def forget(args: argparse.Namespace) -> int:
    """Remove feeds with the data that came from them alone."""
    from sensor.posture.vulnerabilities.forget import FeedNotRecorded
    from sensor.posture.vulnerabilities.forget import forget as forget_feed

    if not args.operands:
        complain("expected forget NAME…: names of `sensor vulns sources`", error="usage.missing-argument")
        return USAGE
    known = _known(args)
    if isinstance(known, int):
        return known
    try:
        base = until_over(open_to_write(folder_of(args)))
        for one in (known[name] for name in dict.fromkeys(args.operands)):
            try:
                forgotten = forget_feed(base, one.name, one.kind)
                print(f"{one.name}: removed, {counted(forgotten, 'entry', 'entries')}")
            except FeedNotRecorded:
                complain(
                    (
                        f"{one.name}: imported by an earlier version without its contents; first run: sensor vulns "
                        f"import {tidy(one.place)}"
                    ),
                    error="vulnerability.feed-failed",
                )
                return NOT_FOUND
    except DatabaseError as error:
        complain(str(error), error="vulnerability.database")
        return NOT_OPENED
    return 0


def _known(args: argparse.Namespace) -> dict[str, Source] | int:
    """The imported feeds by name; an exit code after an error if they cannot be read, or a name is unknown."""
    from sensor.documents import nearest

    sources = _sources(args)
    if sources is None:
        return NOT_OPENED
    known = {one.name: one for one in sources}
    for name in args.operands:
        if name not in known:
            complain(
                f"no source {tidy(name)!r}, {nearest(name, list(known)) or 'nothing has been imported'}",
                error="vulnerability.unknown-source",
            )
            return NOT_FOUND
    return known


def _each(args: argparse.Namespace, origins: Iterable[Origin]) -> int:
    troubled = False
    try:
        base = until_over(open_to_write(folder_of(args)))
        for origin in origins:
            troubled |= not _taken(base, origin, folder_of(args), force=args.force)
    except DatabaseError as error:
        complain(str(error), error="vulnerability.database")
        return NOT_OPENED
    return NOT_OPENED if troubled else 0


def _taken(base: sqlite3.Connection, origin: Origin, folder: Path, *, force: bool) -> bool:
    """Whether a feed was imported, or is unchanged; both are printed."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        outcome = take_feed(base, origin, folder, moment, force=force, reading=_progress.reading)
    except OSError as error:
        complain(f"cannot write {folder}: {error.strerror}", error="file.not-written")
        return False
    if outcome is None:
        print(f"{origin.name}: unchanged")
        return True
    return _print_outcome(origin, outcome)


def _print_outcome(origin: Origin, outcome: ImportResult) -> bool:
    """The result of an import: the outcome on standard output, its faults on standard error."""
    for fault in outcome.faults:
        complain(
            f"{tidy(origin.place)}: {tidy(fault.where)}: skipped: {tidy(fault.why)}",
            error="vulnerability.invalid-entry",
        )
    if outcome.broken > len(outcome.faults):
        complain(
            f"{tidy(origin.place)}: and {outcome.broken - len(outcome.faults):,} more entries were skipped",
            error="vulnerability.invalid-entry",
        )
    if outcome.trouble:
        complain(f"{outcome.name}: {tidy(origin.place)} {tidy(outcome.trouble)}", error="vulnerability.feed-failed")
        return False
    notes = [
        f"{outcome.broken:,} skipped" if outcome.broken else "",
        f"{outcome.older:,} present in a newer version" if outcome.older else "",
        f"{outcome.cut:,} with products or versions omitted" if outcome.cut else "",
    ]
    notes += [outcome.page, f"data of {outcome.stamp[:10]}" if outcome.stamp else ""]
    entries = counted(outcome.entries, "entry", "entries")
    print(", ".join(filter(None, (f"{outcome.name}: {entries} of {outcome.kind}", *notes))))
    return True


def list_sources(args: argparse.Namespace) -> int:
    sources = _sources(args)
    if sources is None:
        return NOT_OPENED
    now = datetime.now(UTC)
    if args.json:
        for one in sources:
            print(
                json.dumps(one._asdict() | {"age_days": one.age_days(now)}, ensure_ascii=False, separators=(",", ":"))
            )
    elif sources:
        print(table(COLUMNS, [_row(one, now) for one in sources], sys.stdout))
    else:
        print(f"nothing was imported in {folder_of(args)}: `sensor vulns import FILE|URL…` imports a feed")
    return 0


def _sources(args: argparse.Namespace) -> list[Source] | None:
    """None after an error if they cannot be read."""
    try:
        return sources_of(reading(args))
    except DatabaseError as error:
        complain(str(error), error="vulnerability.database")
        return None


def _row(one: Source, now: datetime) -> tuple[str, ...]:
    return (
        one.name,
        one.kind,
        f"{one.entries:,}",
        f"{one.broken:,}",
        one.stamp[:10],
        one.imported,
        tidy(one.state(now)),
        tidy(one.place),
    )


def report_age(sources: Iterable[Source], now: datetime, report: Callable[[str], None]) -> None:
    """Report stale feeds, so that an absence of findings is not taken for safety."""
    stale = [f"{one.name} ({one.state(now)})" for one in sources if one.state(now) != GOOD]
    if stale:
        report(f"outdated: {', '.join(map(tidy, stale))}: update with `sensor vulns update`")
