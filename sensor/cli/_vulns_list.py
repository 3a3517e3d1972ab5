"""``sensor vulns list|device|show``: findings of the selected devices, as text, CSV or JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from sensor.cli import _vulns_text as text
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._data import now_of
from sensor.cli._devices_csv import write_csv
from sensor.cli._known import Known, known, the_device
from sensor.cli._setup import complain
from sensor.cli._show import part, put, tidy
from sensor.cli._vulns_feeds import reading, report_age
from sensor.core.phrases import counted
from sensor.documents import DocumentErrors
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.posture.vulnerabilities.database import DatabaseError
from sensor.posture.vulnerabilities.sources import sources_of
from sensor.views.vulnerabilities import BY_DEFAULT, VERDICTS, FindingRow, VulnerabilityFilter, every_finding

Record = dict[str, Any]


class Assessed(NamedTuple):
    """The devices of the dataset, and their assessments."""

    known: Known
    picture: Picture


def _assessed(args: argparse.Namespace) -> Assessed | None:
    """The devices with all imported vulnerabilities; None after an error. Stale feeds are reported."""
    try:
        base = reading(args)
        found = known(args, alerts=True)
        picture = Picture(
            found.fold,
            AssessmentInputs(vulnerabilities=base),
            details=found.details if found.reader is not None else None,
        )
        _ = picture.fleet  # computed here, where its errors are reported
    except (DatabaseError, DocumentErrors) as error:
        complain(str(error), error="vulnerability.database")
        return None
    report_age(sources_of(base), datetime.now(UTC), complain)
    return Assessed(found, picture)


def list_vulnerabilities(args: argparse.Namespace) -> int:
    """The findings of the devices that match."""
    from sensor.views.device_terms import InvalidTerm, Term, matching, term_of

    try:
        wanted = [term_of(word) for word in args.operands]
    except InvalidTerm as invalid:
        complain(str(invalid), error="usage.unknown-filter")
        return USAGE
    assessed = _assessed(args)
    if assessed is None:
        return NOT_OPENED
    devices, now = assessed.known.fold.devices.values(), now_of(args)
    chosen = matching(devices, wanted, now)
    there = [Term("state", "=", "present")] if all(one.key != "state" for one in wanted) else []
    records = matching(devices, wanted + there, now)
    found = _findings(args, assessed, records)
    if not _for_programs(args, found):
        narrowed = bool(args.severity or args.exploited)
        print(text.listed(found, len(records), unclear=args.unknown or args.all, narrowed=narrowed))
        if gone := len(chosen) - len(records):
            print(f"not shown: {counted(gone, 'gone device')}, see state=gone")
    return 0


def _findings(
    args: argparse.Namespace, assessed: Assessed, records: Iterable[Record], cve: str = ""
) -> list[FindingRow]:
    """Findings of some devices: for one CVE all of them, otherwise as --all, --severity and --exploited select."""
    ids = tuple(
        name
        for record in records
        if (name := tidy(part(record, "device").get("id"))) and assessed.picture.known.device(name) is not None
    )
    verdicts = tuple(VERDICTS) if args.all or cve else BY_DEFAULT
    wanted = VulnerabilityFilter(cve=cve, device=ids, verdict=verdicts, state=())
    if not cve:
        wanted = replace(wanted, severity=args.severity, exploited=args.exploited or None)
    return every_finding(assessed.picture, wanted) if ids else []


def device(args: argparse.Namespace) -> int:
    """Print all findings of one device."""
    if len(args.operands) != 1:
        complain("expected device DEVICE: an id, an address, a MAC or a name", error="usage.missing-argument")
        return USAGE
    assessed = _assessed(args)
    if assessed is None:
        return NOT_OPENED
    record = the_device(assessed.known.fold, args.operands[0])
    if record is None:
        return NOT_FOUND
    found = _findings(args, assessed, [record])
    if not _for_programs(args, found):
        for line in text.of_device(assessed.picture.fleet, record, found):
            put(line)
    return 0


def show(args: argparse.Namespace) -> int:
    """Print all known data on a CVE, and its devices."""
    if len(args.operands) != 1:
        complain("expected show CVE, as CVE-2021-36260", error="usage.missing-argument")
        return USAGE
    assessed = _assessed(args)
    if assessed is None:
        return NOT_OPENED
    cve, fleet = args.operands[0].upper(), assessed.picture.fleet
    about = fleet.library.about(cve)
    if about is None:
        complain(f"{tidy(cve)} is not in any source: `sensor vulns sources` lists them", error="vulnerability.unknown")
        return NOT_FOUND
    found = _findings(args, assessed, assessed.known.fold.devices.values(), cve)
    if args.json:
        text.print_about(about, found)
        return 0
    for line in text.of_cve(fleet, about, found):
        put(line)
    return 0


def _for_programs(args: argparse.Namespace, found: list[FindingRow]) -> bool:
    """Print findings as JSON or CSV if requested; returns whether they were."""
    if args.json:
        text.print_json(found)
    elif args.csv:
        write_csv(sys.stdout, text.CSV_COLUMNS, map(text.csv_row, found))
    return bool(args.json or args.csv)
