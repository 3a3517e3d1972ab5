"""``sensor devices``: output formats of the list."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sensor.cli._codes import USAGE
from sensor.cli._data import now_of
from sensor.cli._devices_csv import write_csv
from sensor.cli._setup import complain
from sensor.cli._show import part, table_of_devices, tidy
from sensor.cli._table import table
from sensor.cli._views import devices_data, stop_of
from sensor.inventory.columns import COLUMNS, row_of
from sensor.views.device_list import listed_devices
from sensor.views.device_terms import ALERTS, InvalidTerm, Term, last_seen, matching, ordered, sort_key, term_of

Record = dict[str, Any]
# Columns of the list as CSV, and those by which it can be sorted.
LISTED = (*COLUMNS, *ALERTS)


def list_devices(args: argparse.Namespace) -> int:
    """Print matching devices in the requested format."""
    try:
        wanted, order = [term_of(argument) for argument in args.operands], sort_key(args.sort, LISTED)
    except InvalidTerm as invalid:
        complain(str(invalid), error="usage.unknown-filter")
        return USAGE
    try:
        _put(args, _chosen(args, wanted, order), by_column=order is not None)
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    return 0


def _chosen(args: argparse.Namespace, wanted: Sequence[Term], order: tuple[str, bool] | None) -> Iterable[Record]:
    """Current devices, or with --at those at an earlier time."""
    if not args.at:
        return listed_devices(devices_data(args), wanted, order, now_of(args))
    from sensor.cli._asof import devices_then

    records = devices_then(args)
    records = matching(records, wanted, last_seen(records) or datetime.now(UTC))
    return records if order is None else ordered(records, *order)


def _put(args: argparse.Namespace, records: Iterable[Record], *, by_column: bool) -> None:
    """Print line by line for programs, for users when all are known."""
    if args.json:
        for record in records:
            print(json.dumps(body_of(record), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.csv:
        write_csv(sys.stdout, LISTED, map(_cells, records))
    elif args.summary:
        print(summary(list(records)))
    else:
        print(table_of_devices(records, sys.stdout, ordered=not by_column, empty=_empty(args.operands)))


def _empty(filters: Sequence[str]) -> str:
    """The text in place of an empty list. A word alone may be a mistyped filter or action."""
    words = [tidy(repr(one)) for one in filters if not term_of(one).key]
    hint = f": no attribute contains {' or '.join(words)}; `sensor devices --help` lists filters and actions"
    return ("no devices match" if filters else "no devices") + (hint if words else "")


def body_of(record: Record) -> Record:
    """The JSON form of a device: not its last record but its known state, with its key and whether it is present."""
    return {
        **part(record, "device"),
        "key": tidy(record.get("key")),
        "state": "gone" if record.get("action") == "gone" else "present",
        **{name: record.get(name) for name in ALERTS},
    }


def _cells(record: Record) -> dict[str, str]:
    return row_of(record) | {name: tidy(record.get(name)) for name in ALERTS}


def summary(records: list[Record]) -> str:
    """Number of devices of each type in each VLAN."""
    vlans = sorted({_vlan(record) for record in records})
    counts = Counter((_type(record), _vlan(record)) for record in records)
    types = Counter(_type(record) for record in records)
    rows = [
        [kind, *(f"{counts[kind, vlan]:,}" if counts[kind, vlan] else "" for vlan in vlans), f"{total:,}"]
        for kind, total in types.most_common()
    ]
    rows.append(["all", *(f"{sum(counts[kind, vlan] for kind in types):,}" for vlan in vlans), f"{len(records):,}"])
    return table(["type", *(f"VLAN {vlan}" if vlan else "untagged" for vlan in vlans), "all"], rows, sys.stdout)


def _type(record: Record) -> str:
    return tidy(part(record, "device").get("type")) or "unknown"


def _vlan(record: Record) -> int:
    vlan = part(record, "device").get("vlan")
    return vlan if isinstance(vlan, int) else 0
