"""Runs the tests of a hunt: their rows become records in a temporary folder, in the format of the writer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sensor.core.alert import Alert
from sensor.documents import nearest
from sensor.records.columns import arrow_schema
from sensor.records.hunts_library import Hunt, HuntTest
from sensor.records.query import QueryError
from sensor.records.schedule import look
from sensor.records.schema import TABLES, TIME, Table
from sensor.records.writer import Writer

START_S = 1_767_225_600  # 2026-01-01
US, SECOND = 1_000_000, 1_000_000_000


def run_test(name: str, hunt: Hunt, test: HuntTest) -> list[Alert]:
    """The alerts of one test, with the hunt run at a time at which it looks back on all rows. Raises QueryError for
    invalid rows or queries.
    """
    with tempfile.TemporaryDirectory(prefix="sensor-hunt-") as folder:
        last = write_rows(Path(folder), test.rows)
        return look(Path(folder), name, hunt, max(last * 1000 + 1_000, (START_S + 1) * SECOND))


def write_rows(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> int:
    """Write records with these rows; returns the time of the last, microseconds since the epoch. Raises QueryError."""
    writer, last = Writer(folder, lambda _: None, durable=False), 0
    try:
        for name, some in rows.items():
            table = _table(name, some)
            with writer.manifest.transaction():
                writer.manifest.add(writer.file(name, 0, [table]))
            last = max([last, *table["ts"].cast(pa.int64()).to_pylist()])
    finally:
        writer.close()
    return last


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    table = TABLES.get(name)
    if table is None or not table.stored:
        stored = [one.name for one in TABLES.values() if one.stored]
        raise QueryError(f"found rows of the table {name!r}, {nearest(name, stored)}")
    try:
        return pa.Table.from_pylist([_row(table, row) for row in rows], schema=arrow_schema(table))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise QueryError(f"rows of {name}: {error}") from None


def _row(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row with times converted from seconds after the start, which is a time in 2026."""
    made = {"ts": 0} | row
    for column in made:
        if column not in table.names:
            raise QueryError(f"found the column {column!r} in {table.name}, {nearest(column, list(table.names))}")
    times = [one.name for one in table.columns if one.kind == TIME and isinstance(made.get(one.name), int | float)]
    return made | {name: int((START_S + made[name]) * US) for name in times}
