"""Export: the records as files for other tools."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.core.spreadsheet import safe
from sensor.records.columns import read_rows
from sensor.records.derived import completed
from sensor.records.eve import event
from sensor.records.manifest import File
from sensor.records.readable import Range
from sensor.records.schema import ALERT_FLOW, CONN, TABLES, Table
from sensor.records.zeek import LOGS, header, line

FORMATS = ("parquet", "csv", "zeek", "eve")
Row = dict[str, Any]


def export(
    folder: Path, files: Sequence[File], within: Range, form: str, out: Path, tables: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> dict[Path, int]:  # fmt: skip
    """Write the records to files; returns the number of rows by file. ``files``: of the manifest, in ``folder``;
    ``out``: a folder, which is created; ``progress`` gets the number of rows that were written last. Raises OSError.
    """

    def parts_of(table: Table) -> Iterator[pa.Table]:
        for part in _parts(folder, files, table, within):
            yield part
            progress(len(part))

    out.mkdir(parents=True, exist_ok=True)
    chosen = [table for name, table in TABLES.items() if not tables or name in tables]
    if form == "eve":
        return _eve(out / "eve.json", [(table, parts_of(table)) for table in chosen if table.eve])
    made: dict[Path, int] = {}
    for table in chosen:
        if form != "zeek" or table.name in LOGS:
            path, write = _WRITERS[form](out, table)
            if rows := write(path, table, parts_of(table)):
                made[path] = rows
            else:
                path.unlink(missing_ok=True)
    return made


def _parts(folder: Path, files: Sequence[File], table: Table, within: Range) -> Iterator[pa.Table]:
    """The rows of a table, hour by hour, in order of time."""
    own = sorted((file for file in files if file.table == table.name), key=lambda file: file.hour)
    alerts = _alerts(folder, files) if table is CONN and own else {}
    for _, some in itertools.groupby(own, key=lambda file: file.hour):
        rows = pa.concat_tables([read_rows(folder / file.name, table) for file in some])
        rows = rows.take(pc.sort_indices(rows["ts"]))
        ts = np.asarray(rows["ts"].cast(pa.int64()))
        kept = (ts >= (within.since if within.since is not None else np.iinfo(np.int64).min)) & (
            ts < (within.until if within.until is not None else np.iinfo(np.int64).max)
        )
        yield completed(table, rows.filter(pa.array(kept)), alerts)


def _alerts(folder: Path, files: Sequence[File]) -> dict[int, list[str]]:
    """The ids of the alerts of each connection, by uid."""
    found: dict[int, set[str]] = {}
    for file in files:
        if file.table == ALERT_FLOW.name:
            rows = read_rows(folder / file.name, ALERT_FLOW)
            for uid, alert in zip(rows["uid"].to_pylist(), rows["alert"].to_pylist(), strict=True):
                found.setdefault(uid, set()).add(alert)
    return {uid: sorted(alerts) for uid, alerts in found.items()}


def _batches(parts: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
    for part in parts:
        yield from part.to_batches(max_chunksize=8192)


def _rows(parts: Iterator[pa.Table]) -> Iterator[Row]:
    for batch in _batches(parts):
        yield from batch.to_pylist()


def _parquet(path: Path, _: Table, parts: Iterator[pa.Table]) -> int:
    writer, rows = None, 0
    for part in parts:
        writer = writer or pq.ParquetWriter(path, part.schema, compression="zstd")
        writer.write_table(part)
        rows += len(part)
    if writer is not None:
        writer.close()
    return rows


def _csv(path: Path, table: Table, parts: Iterator[pa.Table]) -> int:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(table.names)
        rows = 0
        for batch in _batches(parts):
            # By column: a dictionary for each row takes three times as long.
            writer.writerows(zip(*(_cells(batch.column(name)) for name in table.names), strict=True))
            rows += len(batch)
        return rows


def _cells(column: pa.Array) -> list[Any]:
    """Cells of a column: times as RFC 3339, lists as JSON, no text that a spreadsheet evaluates."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_timestamp(column.type):
        return [value and value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z") for value in values]
    if pa.types.is_list(column.type):
        return [value if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return [safe(value) if isinstance(value, str) else value for value in values]


def _zeek(path: Path, table: Table, parts: Iterator[pa.Table]) -> int:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(header(table.name))
        return _counted(_rows(parts), lambda row: out.write(line(table.name, row)))


def _counted(rows: Iterator[Row], write: Callable[[Row], object]) -> int:
    count = 0
    for row in rows:
        write(row)
        count += 1
    return count


def _eve(path: Path, tables: Sequence[tuple[Table, Iterator[pa.Table]]]) -> dict[Path, int]:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        rows = sum(_counted(_rows(parts), _writer_of(out, table.name)) for table, parts in tables)
    return {path: rows}


def _writer_of(out: TextIO, table: str) -> Callable[[Row], object]:
    return lambda row: out.write(json.dumps(event(table, row), ensure_ascii=False, separators=(",", ":")) + "\n")


Write = Callable[[Path, Table, Iterator[pa.Table]], int]
_WRITERS: dict[str, Callable[[Path, Table], tuple[Path, Write]]] = {
    "parquet": lambda out, table: (out / f"{table.name}.parquet", _parquet),
    "csv": lambda out, table: (out / f"{table.name}.csv", _csv),
    "zeek": lambda out, table: (out / f"{table.zeek}.log", _zeek),
}
