"""New files of the writer: complete and on disk before they get their names."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.eventlog.disk import sync_folder
from sensor.records.columns import arrow_schema, coded_schema, decoded
from sensor.records.contents import PREFIXES, endings, packed
from sensor.records.manifest import NEW, File, checksum, stamp_of
from sensor.records.schema import LIST, TABLES, Table
from sensor.records.searched import DOMAINS, EXACT, IPS

ROW_GROUP = 128 << 10
LOOKED_FOR = EXACT.union(DOMAINS)
TEMPORARY = ".new"
# Columns with minimum and maximum statistics: rows are sorted by them, so that queries can skip parts of a file. In
# small files the statistics of all columns would be as large as the rows.
STATISTICS = ("ts", "uid")
# A file with more values, such as that of a flood with spoofed sources, has no filter: searches open it.
VALUES_MOST = 1 << 18
# Numeric columns with mostly distinct values.
SPREAD = frozenset(
    "community_hash src_port src_bytes dst_bytes src_payload dst_payload request_size response_size size".split()
)


class NewFiles:
    """``durable``: files survive a power failure, not only the end of this process."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder, self._durable = folder, durable
        self._number = 0

    def make(self, table: str, hour: int, tables: Iterable[pa.Table], compact: int = NEW) -> File:
        """Write a file with these rows, of which there is at least one. Raises OSError, ArrowException."""
        folder = self._folder / table
        folder.mkdir(mode=0o750, exist_ok=True)
        self._number += 1
        name = f"{table}/{hour}-{time.time_ns():x}-{self._number}.parquet"
        path = self._folder / name
        temporary = path.with_suffix(TEMPORARY)
        pa.default_memory_pool().release_unused()
        try:
            written = _written(temporary, TABLES[table], tables)
            if self._durable:
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise OSError(error.errno, os.strerror(error.errno or errno.EIO), str(path)) from error
        crc = checksum(temporary)
        temporary.rename(path)
        if self._durable:
            sync_folder(folder)
        return written._replace(
            name=name, hour=hour, size=path.stat().st_size, crc=crc, stamp=stamp_of(path), compact=compact
        )


def _written(path: Path, table: Table, tables: Iterable[pa.Table]) -> File:
    """Write rows; returns the manifest entry."""
    values, edges, count, file = set[bytes](), list[int](), 0, None
    try:
        for rows in _grouped(tables):
            file = file or _opened(path, rows.schema)
            file.write_table(rows, row_group_size=ROW_GROUP)
            if len(values) <= VALUES_MOST:
                values |= values_in(table, rows)
            edges += [int(pc.cast(edge, pa.int64()).as_py()) for edge in pc.min_max(rows["ts"]).values()]
            count += len(rows)
    finally:
        if file is not None:
            file.close()
    shape = table.shape if rows.schema in {arrow_schema(table), coded_schema(table)} else 0
    contents = packed(values) if len(values) <= VALUES_MOST else b""
    return File("", table.name, 0, count, 0, min(edges), max(edges), 0, "", NEW, shape, contents)


def values_in(table: Table, rows: pa.Table) -> set[bytes]:
    """The values of rows that a search may look for."""
    values = set[bytes]()
    for column in table.columns:
        if column.name in LOOKED_FOR and column.name in rows.column_names:
            cells = decoded(pc.unique(pc.list_flatten(rows[column.name]) if column.kind == LIST else rows[column.name]))
            if column.name in EXACT:
                values.update(_bytes(cells))
                if column.name in IPS:
                    values.update(_networks(_bytes(cells)))
            if column.name in DOMAINS:
                values.update(ending for name in _bytes(pc.utf8_lower(cells)) for ending in endings(name))
    return values


def _networks(cells: Iterable[bytes]) -> set[bytes]:
    """The networks of IPv4 addresses, of each prefix in PREFIXES (``contents.block_values``)."""
    parts, found, bits = {cell.rpartition(b".")[0] for cell in cells}, set[bytes](), 24
    parts = {part for part in parts if part.count(b".") == 2 and part.replace(b".", b"").isdigit()}
    while bits:
        if bits in PREFIXES:
            found.update(b"%b%b/%d" % (part, b".0" * ((32 - bits) // 8), bits) for part in parts)
        parts, bits = {part.rpartition(b".")[0] for part in parts}, bits - 8
    return found


def _bytes(cells: pa.Array) -> list[bytes]:
    found: list[bytes] = cells.drop_null().cast(pa.binary()).to_pylist()
    return found


def _opened(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    encodings = encodings_of(schema)
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[_leaf(field) for field in schema if field.name not in encodings],
        column_encoding=encodings,
        write_statistics=list(STATISTICS),
        write_page_checksum=True,
        store_schema=False,
    )


def encodings_of(schema: pa.Schema) -> dict[str, str]:
    """Columns whose values seldom repeat, with their encodings; all others use a dictionary. Source:
    https://parquet.apache.org/docs/file-format/data-pages/encodings/.
    """
    made = {}
    for field in schema:
        if pa.types.is_float64(field.type):
            made[field.name] = "BYTE_STREAM_SPLIT"
        elif field.name in SPREAD:
            made[field.name] = "PLAIN"  # DuckDB 1.5 cannot read integers in BYTE_STREAM_SPLIT encoding
        elif field.name == "uid" or pa.types.is_timestamp(field.type):
            made[field.name] = "DELTA_BINARY_PACKED"
    return made


def _leaf(field: pa.Field) -> str:
    """The path of a column in a file."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of one row group's size: memory never holds much more than that."""
    some: list[pa.Table] = []
    for table in tables:
        some.append(table)
        if sum(map(len, some)) >= ROW_GROUP:
            rows = pa.concat_tables(some).unify_dictionaries()
            whole = len(rows) // ROW_GROUP * ROW_GROUP
            yield rows.slice(0, whole)
            some = [rows.slice(whole)] if whole < len(rows) else []
    if some:
        yield pa.concat_tables(some).unify_dictionaries()
