"""``sensor devices import, export, diff``: exchange and comparison of the inventory with lists in CSV or JSON,
including NetBox columns.
"""

from __future__ import annotations

import argparse
import io
import json
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._data import now_of
from sensor.cli._devices_actions import change_inventory, inventory
from sensor.cli._devices_csv import write_csv
from sensor.cli._known import known
from sensor.cli._setup import complain
from sensor.cli._table import table
from sensor.cli._views import devices_data, stop_of
from sensor.core.phrases import counted
from sensor.inventory.columns import COLUMNS, NETBOX, netbox_row, row_of
from sensor.inventory.foreign_list import FILE_LIMIT, Expected, Unreadable, compare, rows_of, words_of_rows
from sensor.views.device_list import every_device

if TYPE_CHECKING:
    from sensor.inventory.store.operator_changes import OperatorChanges

FAULTS_SHOWN = 20
DIFFERENCES = ("difference", "device", "field", "expected", "found")


def export(args: argparse.Namespace) -> int:
    """``export [FILE]``: CSV, or the format of --format."""
    target = args.operands[0] if args.operands else "-"
    args.for_programs = target == "-"
    try:
        records = list(every_device(devices_data(args), (), now_of(args)))
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    form = args.format or ("json" if target.endswith(".json") else "csv")
    text = io.StringIO()
    if form == "json":
        json.dump(
            [{name: value for name, value in row_of(record).items() if value} for record in records],
            text,
            indent=1,
            ensure_ascii=False,
        )
        text.write("\n")
    elif form == "netbox":
        write_csv(text, NETBOX, (netbox_row(record, args.site or "") for record in records))
    else:
        write_csv(text, COLUMNS, map(row_of, records))
    if target == "-":
        sys.stdout.write(text.getvalue())
        return 0
    try:
        Path(target).write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        complain(f"cannot write {target}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    print(f"{counted(len(records), 'device')} in {target}")
    return 0


def _rows(path: Path) -> list[Expected]:
    """The rows of a file, or of standard input. Raises Exit if there are none."""
    try:
        data = sys.stdin.buffer.read(FILE_LIMIT + 1) if str(path) == "-" else path.read_bytes()
        return rows_of(str(path), data)
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {path}: {error.strerror}", error="file.not-read") from None
    except Unreadable as error:
        raise Exit(NOT_OPENED, str(error), error="file.not-read") from None


def import_words(args: argparse.Namespace) -> int:
    """``import FILE``: each row becomes operator values; 1 if there are faults. Valid values are stored regardless."""
    if len(args.operands) != 1:
        complain("expected sensor devices import FILE", error="usage.missing-argument")
        return USAGE
    found = inventory(args)
    rows = _rows(Path(args.operands[0]))
    taken = words_of_rows(rows, found.fold.devices.values())
    for fault in taken.faults[:FAULTS_SHOWN]:
        complain(fault, error="file.invalid")
    if len(taken.faults) > FAULTS_SHOWN:
        complain(f"… and {len(taken.faults) - FAULTS_SHOWN:,} more", error="file.invalid")

    def write(operator: OperatorChanges) -> str:
        operator.correct(taken.corrections)
        later = f", {taken.waiting:,} for devices not seen yet" if taken.waiting else ""
        counts = f"attributes set: {len(taken.corrections):,}; faults: {len(taken.faults):,}"
        return f"rows read: {len(rows):,}{later}; {counts}"

    return change_inventory(args, found, write) or (NOT_FOUND if taken.faults else 0)


def diff(args: argparse.Namespace) -> int:
    """Missing, unexpected and different devices. 1 if there is any difference, like POSIX ``diff``."""
    if len(args.operands) != 1:
        complain("expected sensor devices diff EXPECTED.csv", error="usage.missing-argument")
        return USAGE
    found = known(args)
    rows = _rows(Path(args.operands[0]))
    differences = compare(rows, found.fold.devices.values())
    if args.json:
        for one in differences:
            print(json.dumps(one, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.csv:
        write_csv(sys.stdout, DIFFERENCES, differences)
    elif differences:
        print(table(DIFFERENCES, [[one.get(name, "") for name in DIFFERENCES] for one in differences], sys.stdout))
    else:
        print(f"all {len(rows):,} devices are as expected, with no unexpected ones")
    return NOT_FOUND if differences else 0
