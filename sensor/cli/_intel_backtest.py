"""`sensor intel add FILE --backtest 30d`: matches of a list in the traffic records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import USAGE
from sensor.cli._records import asking
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.intel.store import ThreatLists
    from sensor.records.list_matches import Matches

COLUMNS = ("value", "kind", "entry", "records", "devices", "last")
FAULTS_SHOWN = 5


def backtest(args: argparse.Namespace) -> int:
    """Print matching values without storing the list. 2 if it cannot be read. Raises Exit without records."""
    from sensor.records.coverage import coverage, sentences
    from sensor.records.list_matches import matches

    lists = _read(args.operands[0])
    if lists is None:
        return USAGE
    args.since, args.until, args.records, args.events = args.backtest, "", None, None
    with asking(args) as query:
        found, notes = matches(query, lists.named), list(sentences(coverage(query)))
    if found.more:
        notes.insert(0, f"only the {found.compared:,} most frequent values were compared")
    for line in _json(found) if args.json else _lines(found):
        put(line)
    for note in notes:
        complain(note, "info") if args.json else put(tidy(note))
    return 0


def _read(source: str) -> ThreatLists | None:
    """The list in a file; None after an error."""
    from sensor.documents import DocumentErrors
    from sensor.intel.store import ThreatLists

    if "://" in source:
        complain(
            f"found the URL {tidy(source)}, expected a file: download the list to backtest it",
            error="usage.invalid-value",
        )
        return None
    path = Path(source).expanduser()
    try:
        lists = ThreatLists([path])
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None
    for fault in lists.faults[:FAULTS_SHOWN]:
        complain(f"{path}:{fault.line}: {fault.message}", error="intel.invalid-line")
    if len(lists.faults) > FAULTS_SHOWN:
        complain(f"{path}: and {len(lists.faults) - FAULTS_SHOWN:,} more lines", error="intel.invalid-line")
    return lists


def _json(found: Matches) -> Iterator[str]:
    for row in found.rows:
        yield json.dumps(row._asdict(), ensure_ascii=sys.stdout.isatty(), separators=(",", ":"))


def _lines(found: Matches) -> Iterator[str]:
    if found.rows:
        rows = [
            (tidy(row.value), row.kind, tidy(row.entry), f"{row.records:,}", f"{row.devices:,}", row.last[:16])
            for row in found.rows
        ]
        yield table(COLUMNS, rows, sys.stdout)
    yield f"would match {len(found.rows):,} of {found.compared:,} addresses, names and fingerprints"
