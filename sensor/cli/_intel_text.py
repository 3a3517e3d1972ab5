"""Output of threat lists and their matches."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sensor.cli._codes import NOT_FOUND
from sensor.cli._setup import complain
from sensor.cli._show import tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.intel.compiled import Entry
    from sensor.intel.list_sources import ListSource
    from sensor.intel.store import ThreatLists

LIST_COLUMNS = ("list", "entries", "fetched", "valid for", "state", "source")
CHECK_COLUMNS = ("value", "list", "entry", "category", "first seen", "until", "confidence", "alerts")
# Days after which a list that was not fetched is stale.
STALE_DAYS = 7
DAY = 86_400


def lists_table(sources: Iterable[ListSource], folder: Path, out: TextIO, now: float) -> str:
    """The lists: their size, their age, and their faults."""
    rows = []
    for one in sources:
        valid_for = f"{one.keep_days} days" if one.keep_days else "as listed"
        rows.append(
            (one.name, f"{one.entries:,}", one.fetched, valid_for, tidy(_state(one, folder, now)), tidy(one.source))
        )
    return table(LIST_COLUMNS, rows, out)


def lists_json(sources: Iterable[ListSource], folder: Path) -> Iterator[str]:
    """The same for programs."""
    for one in sources:
        yield json.dumps(one.model_dump() | {"path": str(one.path(folder))}, ensure_ascii=False, separators=(",", ":"))


def _state(one: ListSource, folder: Path, now: float) -> str:
    if one.trouble:
        return f"trouble: {one.trouble}"
    if not one.path(folder).is_file():
        return "failed: its entries are missing; download the list again"
    if one.is_url and one.fetched and now - datetime.fromisoformat(one.fetched).timestamp() > STALE_DAYS * DAY:
        return f"stale: not updated for {int((now - datetime.fromisoformat(one.fetched).timestamp()) // DAY)} days"
    return "allows" if one.allows else "current"


def check(args: argparse.Namespace, folder: Path, more: list[Path], now: float) -> int:
    """All lists that name the values; 1 where none of the values is bad."""
    from sensor.documents import DocumentErrors
    from sensor.intel.names import SUFFIX
    from sensor.intel.store import ThreatLists

    paths = [*sorted(folder.glob(f"*{SUFFIX}")), *more]
    found: list[tuple[str, Entry, str]] = []
    allowed = ThreatLists(more=(path for path in paths if path.stem.startswith("allow")))
    for path in paths:
        try:
            lists = ThreatLists([path])
        except DocumentErrors as errors:
            complain(str(errors), error="config.invalid-value")
            continue
        found += [
            (value, entry, _counts(value, entry, path, allowed, now))
            for value in args.words
            if (entry := lists.named(value)) is not None
        ]
    if args.json:
        for value, entry, counts in found:
            match = {
                "value": value,
                "list": entry.list_name,
                "entry": entry.entry,
                "category": entry.category,
                "confidence": entry.confidence,
            }
            times = {
                name: _day(moment) for name, moment in (("first_seen", entry.seen), ("until", entry.until)) if moment
            }
            print(json.dumps(match | times | {"counts": counts}, ensure_ascii=False, separators=(",", ":")))
    elif found:
        print(table(CHECK_COLUMNS, [_row(*one) for one in found], sys.stdout))
    missing = [value for value in args.words if value not in {value for value, _, _ in found}]
    for value in missing:
        complain(f"{tidy(value)} is on none of {len(paths):,} lists", "info")
    return 0 if any(counts == "yes" for *_, counts in found) else NOT_FOUND


def _counts(value: str, entry: Entry, path: Path, allowed: ThreatLists, now: float) -> str:
    """Whether an alert would come of it, else why not."""
    if path.stem.startswith("allow"):
        return "allows"
    if allowed.allows(value):
        return "no: allowed"
    return "no: expired" if entry.expired(int(now) * 1_000_000_000) else "yes"


def _row(value: str, entry: Entry, counts: str) -> tuple[str, ...]:
    words = (tidy(value), entry.list_name, tidy(entry.entry), tidy(entry.category), _day(entry.seen), _day(entry.until))
    return (*words, f"{entry.confidence:.2f}", counts)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds else ""
