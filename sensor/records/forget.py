"""Purges of devices: removes the rows that contain the id or a MAC of a device from the files.

A purge leaves an order in a folder beside the records. The writer executes it, because only the writer changes files: a
running one within its next round, otherwise the command that gives the order.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.records import outbox
from sensor.records.columns import read_rows
from sensor.records.manifest import File
from sensor.records.schema import TABLES
from sensor.records.upkeep import Upkeep
from sensor.records.writer import Busy, Writer

FOLDER = "forget"
IDS, MACS = ("src_device", "dst_device", "device"), ("src_mac", "dst_mac", "client_mac", "mac")


class Order(msgspec.Struct):
    """Device ids, and MACs of the devices."""

    ids: list[str]
    macs: list[str]


def order(records: Path, ids: Sequence[str], macs: Sequence[str]) -> None:
    """Leave an order. Raises OSError."""
    folder = records / FOLDER
    folder.mkdir(mode=0o770, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.json"
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Order([*ids], [*macs])))
    fresh.rename(path)


def carry_out_now(records: Path, complain: Callable[[str], None]) -> int | None:
    """Execute all orders; returns the number of rows removed, None if another process will do it soon. Raises OSError,
    ManifestError.
    """
    try:
        writer = Writer(records, complain)
    except Busy:
        return None
    try:
        writer.write()
        rows = carry_out(writer)
        Upkeep(writer, None, 0).delete(0.0)
    finally:
        writer.close()
    return rows


def carry_out(writer: Writer) -> int:
    """Execute the pending orders; returns the number of rows removed. An unreadable order is kept and reported."""
    rows = 0
    for path in sorted((writer.folder / FOLDER).glob("*.json")):
        try:
            request = msgspec.json.decode(path.read_bytes(), type=Order)
        except (OSError, msgspec.DecodeError) as error:
            writer.complain(f"{path}: devices were not removed from the traffic records: {error}")
            continue
        rows += sum(_out_of(writer, file, request) for file in writer.manifest.files())
        for waiting in outbox.every(writer.folder):
            _out_of_outbox(waiting, request)
        with writer.manifest.transaction():
            writer.manifest.learn((name, None) for name in request.ids)
        writer.forget_identities()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    return rows


def _out_of(writer: Writer, file: File, request: Order) -> int:
    """Rewrite one file without the rows of these devices; returns the number of rows removed. A damaged file is left to
    the upkeep.
    """
    try:
        rows = read_rows(writer.folder / file.name, TABLES[file.table])
    except (OSError, pa.ArrowException):
        return 0
    theirs = _theirs(file.table, rows, request)
    count = int(pc.sum(theirs).as_py() or 0)
    if not count:
        return 0
    left = rows.filter(pc.invert(theirs))
    entry = writer.file(file.table, file.hour, [left], compact=file.compact) if len(left) else None
    with writer.manifest.transaction():
        if entry is not None:
            writer.manifest.add(entry)
        writer.manifest.drop([file.name], writer.clock())
    return count


def _out_of_outbox(waiting: outbox.Waiting, request: Order) -> None:
    """The same for a file that waits for an output; one that was delivered meanwhile, or is damaged, is left."""
    with contextlib.suppress(OSError, pa.ArrowException):
        rows = pq.read_table(waiting.path, partitioning=None)
        theirs = _theirs(waiting.table, rows, request)
        if pc.any(theirs).as_py():
            outbox.replace(waiting, rows.filter(pc.invert(theirs)))


def _theirs(table: str, rows: pa.Table, request: Order) -> pa.ChunkedArray:
    """Which rows refer to one of the devices."""
    names = set(rows.schema.names) & set(TABLES[table].names)
    found = pa.chunked_array([pa.array([False] * len(rows))])
    for columns, values in ((IDS, request.ids), (MACS, request.macs)):
        for column in columns:
            if column in names:
                found = pc.or_(found, pc.fill_null(pc.is_in(rows[column], pa.array(values, pa.string())), False))
    return found
