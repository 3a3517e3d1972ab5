"""``sensor data``: datasets as text or JSON, and actions on them."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensor.cli._codes import INCOMPLETE, NOT_OPENED, USAGE, Exit
from sensor.cli._data import VARIABLE, folders_of, migrated, unknown_dataset
from sensor.cli._places import reason_of, size_text
from sensor.cli._progress import counting, reading
from sensor.cli._records import catch_up
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import span_text
from sensor.core.phrases import counted
from sensor.datasets import manage
from sensor.datasets.choose import NoDataset, UnknownDataset, choose, datasets_in, named_in
from sensor.datasets.count import Counts, counts_of, size_of
from sensor.datasets.dataset import Dataset
from sensor.datasets.names import BadName
from sensor.datasets.replays import CannotCreate
from sensor.inventory.store.database import StoreError
from sensor.records.paths import records_folder

COLUMNS = ("", "name", "kind", "time span", "devices", "alerts", "size", "missing")
UNKNOWN = "unknown"


def list_datasets(args: argparse.Namespace) -> int:
    """List all datasets; 3 if there are none."""
    if args.operands:
        return _usage("list")
    state = _state(args)
    found = datasets_in(state)
    if not found:
        raise Exit(
            NOT_OPENED,
            f"no data in {state}: `sensor replay FILE` reads a capture, `sensor run` captures on an interface",
            error="dataset.missing",
        )
    read = _read(state)
    if args.json:
        for one in found:
            put(json.dumps(_body(one, chosen=one == read), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    put(table(COLUMNS, [_row(one, chosen=one == read) for one in found], sys.stdout))
    put(
        f"{state}: {counted(len(found), 'dataset')}; commands read "
        f"{read.name if read is not None else 'none: all are empty'}"
    )
    return 0


def show(args: argparse.Namespace) -> int:
    """Show one dataset."""
    if len(args.operands) > 1:
        return _usage("show [NAME]")
    state = _state(args)
    dataset = _chosen(state, args.operands)
    body = _body(dataset, chosen=dataset == _read(state))
    if args.json:
        put(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    put(f"{dataset.name} · {dataset.kind} · {span_text(*dataset.span)}")
    for name, value in _facts(dataset, body):
        put(f"  {name:10} {tidy(value)}")
    return 0


def use(args: argparse.Namespace) -> int:
    """Select a dataset, or remove the selection."""
    if len(args.operands) > 1:
        return _usage("use [NAME]")
    state = _state(args)
    name = _named(state, args.operands[0]).name if args.operands else ""
    with _reported():
        manage.use(state, name)
    text = (
        f"commands now read {name}; `sensor data use` removes the choice"
        if name
        else "the choice is removed: see sensor data --help for the default"
    )
    return _done(args, text, action="use", name=name)


def rename(args: argparse.Namespace) -> int:
    """Rename a dataset."""
    if len(args.operands) != 2:
        return _usage("rename NAME NEW")
    state = _state(args)
    dataset = _named(state, args.operands[0])
    with _reported():
        manage.rename(state, dataset, args.operands[1])
    return _done(
        args,
        f"renamed {args.operands[0]} to {args.operands[1]}",
        action="rename",
        name=args.operands[1],
        before=args.operands[0],
    )


def remove(args: argparse.Namespace) -> int:
    """Delete datasets; all names are checked before the first deletion."""
    if not args.operands:
        return _usage("remove NAME…")
    state = _state(args)
    for dataset in [_named(state, name) for name in dict.fromkeys(args.operands)]:
        with _reported():
            manage.remove(state, dataset)
        _done(args, f"removed {dataset.name}", action="remove", name=dataset.name)
    return 0


def rebuild(args: argparse.Namespace) -> int:
    """Rebuild the tables of a dataset from its event log."""
    if len(args.operands) > 1:
        return _usage("rebuild [NAME]")
    dataset = _chosen(_state(args), args.operands)
    if not dataset.has_log:
        raise Exit(
            INCOMPLETE,
            f"{dataset.name} has no event log to rebuild its tables from: {dataset.log}",
            error="dataset.incomplete",
        )
    from sensor.tables import build

    with _reported(), counting("rebuilding", "records") as progress:
        built = build.rebuild(dataset.folder, dataset.log, progress)
    if built.note:
        complain(built.note, error="dataset.damaged")
    return _done(
        args,
        f"{dataset.name}: tables rebuilt from {counted(built.records, 'record')}",
        action="rebuild",
        name=dataset.name,
        records=built.records,
    )


def export(args: argparse.Namespace) -> int:
    """Export a dataset as an archive."""
    if len(args.operands) != 1:
        return _usage("export NAME [-o FILE.tar.gz]")
    dataset = _named(_state(args), args.operands[0])
    path: Path = args.output or Path(f"{dataset.name}.tar.gz")
    catch_up(records_folder(dataset.log))
    with _reported(), reading("exporting", size_of(dataset)) as progress:
        count = manage.export(dataset, path, progress)
    size = path.stat().st_size
    return _done(
        args,
        f"{path}: {counted(count, 'file')}, {size_text(size)}",
        action="export",
        name=dataset.name,
        file=str(path),
        files=count,
        bytes=size,
    )


def _done(args: argparse.Namespace, text: str, **facts: Any) -> int:
    """Print the result as text or JSON."""
    put(json.dumps(facts, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")) if args.json else text)
    return 0


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """An error in the block ends the command with one line and its exit code."""
    try:
        yield
    except (BadName, CannotCreate) as error:
        raise Exit(USAGE, str(error), error="usage.invalid-value") from None
    except PermissionError:
        raise
    except OSError as error:
        raise Exit(NOT_OPENED, reason_of(error), error="file.not-written") from None
    except StoreError as error:
        raise Exit(NOT_OPENED, str(error), error="inventory.not-read") from None
    except sqlite3.Error as error:
        raise Exit(NOT_OPENED, f"the inventory cannot be copied: {error}", error="inventory.not-read") from None


def _state(args: argparse.Namespace) -> Path:
    """The first state folder that has a dataset."""
    folders = folders_of(args.state)
    for folder in folders:
        migrated(folder)
    return next((folder for folder in folders if datasets_in(folder)), folders[0])


def _named(state: Path, name: str) -> Dataset:
    try:
        return named_in(datasets_in(state), name)
    except UnknownDataset as error:
        raise unknown_dataset(error, state) from None


def _chosen(state: Path, arguments: list[str]) -> Dataset:
    """The given dataset, otherwise the one that commands read."""
    try:
        return _named(state, arguments[0]) if arguments else choose(state, os.environ.get(VARIABLE, ""))
    except NoDataset as error:
        raise Exit(NOT_OPENED, str(error), error="dataset.missing") from None
    except UnknownDataset as error:
        raise unknown_dataset(error, state) from None


def _read(state: Path) -> Dataset | None:
    """The dataset that commands read now; None if it is not in this folder."""
    try:
        return choose(state, os.environ.get(VARIABLE, ""))
    except (NoDataset, UnknownDataset):
        return None


def _usage(text: str) -> int:
    complain(f"expected sensor data {text}", error="usage.missing-argument")
    return USAGE


def _counts(dataset: Dataset) -> Counts:
    try:
        return counts_of(dataset, _alerts_in_tables(dataset))
    except (OSError, StoreError):
        return Counts(None, None, 0)


def _alerts_in_tables(dataset: Dataset) -> int | None:
    """The number of alerts in the tables of a dataset, which is faster than reading its log; None without tables."""
    from sensor.cli._views import tables_of
    from sensor.views.alert_groups import number_of_alerts

    try:
        data = tables_of(dataset) if dataset.has_log else None
    except Exit:
        return None
    if data is None:
        return None
    with contextlib.closing(data), contextlib.suppress(sqlite3.DatabaseError):
        return number_of_alerts(data.base)
    return None


def _row(dataset: Dataset, *, chosen: bool) -> tuple[str, ...]:
    counts = _counts(dataset)
    devices, alerts = (UNKNOWN if count is None else f"{count:,}" for count in (counts.devices, counts.alerts))
    missing = ", ".join(dataset.missing)
    return (
        ">" if chosen else "",
        dataset.name,
        dataset.kind,
        span_text(*dataset.span),
        devices,
        alerts,
        size_text(counts.size),
        missing,
    )


def _body(dataset: Dataset, *, chosen: bool) -> dict[str, Any]:
    """The JSON form: unknown counts are null."""
    counts = _counts(dataset)
    return {
        "name": dataset.name, "kind": dataset.kind, "folder": str(dataset.folder), "first": dataset.span.first,
        "last": dataset.span.last,
        "inventory": str(dataset.inventory or ""), "log": str(dataset.log) if dataset.has_log else "",
        "evidence": str(dataset.evidence) if dataset.evidence.is_dir() else "", "missing": list(dataset.missing),
        "captures": dataset.card.captures,
        "devices": counts.devices, "alerts": counts.alerts, "bytes": counts.size, "read": chosen,
    }  # fmt: skip


def _facts(dataset: Dataset, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("folder", "inventory", "log", "evidence", "captures"):
        if body[name]:
            yield name, body[name]
    for name in ("devices", "alerts"):
        yield name, UNKNOWN if body[name] is None else f"{body[name]:,}"
    yield "size", size_text(body["bytes"])
    if dataset.missing:
        yield "missing", ", ".join(dataset.missing)
