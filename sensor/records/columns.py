"""Arrow columns made from the numbers and spans that the engine delivered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.records import community, gather
from sensor.records.block import Rows
from sensor.records.messages import SEPARATOR
from sensor.records.schema import FLAG, INT, LIST, NUMBER, SECONDS, TEXT, TIME, Table

Numbers = npt.NDArray[Any]
TYPES: dict[str, pa.DataType] = {
    TIME: pa.timestamp("us"), TEXT: pa.string(), LIST: pa.list_(pa.string()), INT: pa.int64(), FLAG: pa.bool_(),
    SECONDS: pa.float64(),
    NUMBER: pa.float64(),
}  # fmt: skip
# Columns of texts that repeat in most rows.
FEW = [
    "sensor", "site", "src_ip", "src_mac", "src_device", "dst_ip", "dst_mac", "dst_device", "proto", "direction",
    "state", "history", "end_reason",
]  # fmt: skip
CODED = pa.dictionary(pa.int32(), pa.string())


@functools.cache
def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table's files."""
    return pa.schema([(column.name, TYPES[column.kind]) for column in table.in_files])


@functools.cache
def coded_schema(table: Table) -> pa.Schema:
    """The same, with the columns of few values as dictionaries: Parquet takes them over without comparing texts."""
    return pa.schema([field.with_type(CODED) if field.name in FEW else field for field in arrow_schema(table)])


def filled(table: Table, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """A table with these columns, in ``coded_schema``; missing columns are null."""
    schema = coded_schema(table)
    made = [columns[field.name] if field.name in columns else pa.nulls(rows, field.type) for field in schema]
    return pa.Table.from_arrays([_as(one, field.type) for one, field in zip(made, schema, strict=True)], schema=schema)


def read_rows(path: Path, table: Table, *, as_coded: bool = False) -> pa.Table:
    """The rows of a file with the columns of the current version: those that an earlier version did not write are null.
    ``as_coded``: in ``coded_schema``. Raises OSError, ArrowException.
    """
    schema = coded_schema(table) if as_coded else arrow_schema(table)
    rows = pq.read_table(path, partitioning=None, read_dictionary=FEW if as_coded else None)
    known = set(rows.schema.names)
    columns = [
        rows[field.name].cast(field.type) if field.name in known else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _as(column: Any, kind: pa.DataType) -> Any:
    array = column if isinstance(column, pa.Array) else pa.array(column)
    return array if array.type == kind else array.cast(kind, safe=False)


def times(ns: Numbers) -> pa.Array:
    """Nanoseconds since the epoch as timestamps."""
    return pa.array(ns // 1000).cast(pa.timestamp("us"))


def moments(seconds: Numbers, known: npt.NDArray[np.bool_]) -> pa.Array:
    """Seconds since the epoch as timestamps; null if unknown or out of range."""
    sound = known & (seconds > -(1 << 36)) & (seconds < 1 << 36)
    return pa.array(np.where(sound, seconds, 0) * 1_000_000, mask=~sound).cast(pa.timestamp("us"))


def where(known: npt.NDArray[np.bool_], values: Numbers) -> pa.Array:
    """The known values, null for the others."""
    return pa.array(values) if known.all() else pa.array(values, mask=~known)


def texts(rows: Rows, place: int) -> pa.Array:
    """A column of texts; empty ones are null."""
    return texts_of(rows.text, rows.words[:, place])


def texts_of(text: bytes, spans: npt.NDArray[np.uint64]) -> pa.Array:
    return strings(*gather.gather(text, spans))


def strings(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> pa.Array:
    """A column of texts; empty ones are null."""
    known = np.diff(offsets) > 0
    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little").tobytes())
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data), valid)


def lists(rows: Rows, place: int) -> pa.Array:
    """A column of lists of texts; empty ones are null."""
    return pc.split_pattern(texts(rows, place), pattern=SEPARATOR)


def named(numbers: Numbers, name: Callable[[int], str | None]) -> pa.DictionaryArray:
    """Names of numbers, computed once per distinct number."""
    found = pa.array(np.ascontiguousarray(numbers)).dictionary_encode()
    return chosen(pa.array([name(number) for number in found.dictionary.to_pylist()], pa.string()), found.indices)


def chosen(texts: pa.Array, places: Any) -> pa.DictionaryArray:
    """The text of each row, by its place. Texts may occur several times; null is a text like others."""
    found = texts.dictionary_encode()
    if len(found.dictionary) == len(texts):  # all different: each has its own place
        return pa.DictionaryArray.from_arrays(pa.array(places), found.dictionary)
    if isinstance(places, np.ndarray) and not found.indices.null_count:
        return pa.DictionaryArray.from_arrays(pa.array(found.indices.to_numpy()[places]), found.dictionary)
    return pa.DictionaryArray.from_arrays(found.indices.take(pa.array(places)), found.dictionary)


def decoded(array: pa.Array) -> pa.Array:
    """Texts that may be coded, as texts."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def constant(text: str, rows: int) -> pa.DictionaryArray:
    """The same text in each row."""
    return chosen(pa.array([text], pa.string()), np.zeros(rows, np.int32))


def coded(parts: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """Rows of several 64-bit numbers as indexes into the distinct rows, and these rows."""
    cells = np.empty((len(parts[0]), len(parts)), np.uint64)
    for place, part in enumerate(parts):
        cells[:, place] = part
    size = 8 * len(parts)
    made = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(size), len(cells), [None, pa.py_buffer(cells)]
    ).dictionary_encode()
    different = np.frombuffer(made.dictionary.buffers()[1], np.uint64, len(made.dictionary) * len(parts))
    return made.indices.to_numpy(), different.reshape(-1, len(parts))


def ips(hi: Numbers, lo: Numbers) -> pa.Array:
    """Addresses as text; null if there is none."""
    return strings(*gather.ips(np.ascontiguousarray(hi, np.uint64), np.ascontiguousarray(lo, np.uint64)))


def hashes(heads: npt.NDArray[np.void]) -> pa.Array:
    """The first 8 bytes of the SHA-1 in the Community ID of flows; null if they have none."""
    found = community.prefixes(heads)
    return where(found != 0, found)


def macs(numbers: Numbers) -> pa.Array:
    """MACs as text; null if there is none."""
    return strings(*gather.macs(np.ascontiguousarray(numbers, np.uint64)))
