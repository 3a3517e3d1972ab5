"""Output of threat lists and their matches."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, Exit
from sensor.cli._setup import complain
from sensor.cli._show import tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.intel.compiled import Entry
    from sensor.intel.list_sources import ListSource

LIST_COLUMNS = ("list", "entries", "fetched", "valid for", "state", "source")
CHECK_COLUMNS = ("value", "list", "entry", "category", "first seen", "until", "confidence", "alerts")


def lists_table(sources: Iterable[ListSource], folder: Path, out: TextIO, now: float) -> str:
    """The lists with size, age and faults."""
    from sensor.intel.list_sources import state_of

    rows = []
    for one in sources:
        valid_for = f"{one.keep_days} days" if one.keep_days else "as listed"
        rows.append(
            (one.name, f"{one.entries:,}", one.fetched, valid_for, tidy(state_of(one, folder, now)), tidy(one.source))
        )
    return table(LIST_COLUMNS, rows, out)


def lists_json(sources: Iterable[ListSource], folder: Path) -> Iterator[str]:
    """The lists as JSON."""
    for one in sources:
        yield json.dumps(one.model_dump() | {"path": str(one.path(folder))}, ensure_ascii=False, separators=(",", ":"))


def check(args: argparse.Namespace, folder: Path, more: list[Path], now: float) -> int:
    """Print all lists that contain the values; 1 if none of the values is malicious."""
    from sensor.intel.matches import ALERTS, matches
    from sensor.intel.names import SUFFIX

    paths = [*sorted(folder.glob(f"*{SUFFIX}")), *more]
    if not paths:
        raise Exit(NOT_OPENED, f"no lists in {folder}: add one with `sensor intel add SOURCE`", error="intel.no-list")
    found = matches(paths, args.operands, now, lambda errors: complain(str(errors), error="config.invalid-value"))
    if args.json:
        for value, entry, counts, _ in found:
            match = {
                "value": value,
                "list": entry.list_name,
                "entry": entry.entry,
                "category": entry.category,
                "confidence": entry.confidence,
            }
            times = {
                name: _day(moment)
                for name, moment in (("first_seen", entry.seen), ("until", entry.until))
                if moment > 0
            }
            print(json.dumps(match | times | {"counts": counts}, ensure_ascii=False, separators=(",", ":")))
    elif found:
        print(table(CHECK_COLUMNS, [_row(*one[:3]) for one in found], sys.stdout))
    missing = [value for value in args.operands if value not in {one.value for one in found}]
    for value in missing:
        complain(f"{tidy(value)} is not on any list ({len(paths):,} checked)", "info")
    return 0 if any(one.verdict == ALERTS for one in found) else NOT_FOUND


def _row(value: str, entry: Entry, counts: str) -> tuple[str, ...]:
    cells = (tidy(value), entry.list_name, tidy(entry.entry), tidy(entry.category), _day(entry.seen), _day(entry.until))
    return (*cells, f"{entry.confidence:.2f}", counts)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds > 0 else ""
