"""Rows with named columns as a Parquet file, for exports."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

# Rows of a group, which are in memory together.
GROUP = 10_000
# Kinds of columns; ``time``: RFC 3339 texts, empty ones are null; ``texts``: lists of texts.
STRING, INTEGER, FLOAT, BOOL, TIME, TEXTS = "string", "int64", "float64", "bool", "time", "texts"


def write_rows(file: IO[bytes], columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, in groups. ``columns``: names and kinds. Raises ImportError without the extra ``hunt``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _type(pa, kind)) for name, kind in columns.items()])
    left = iter(rows)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(itertools.islice(left, GROUP)):
            several = zip(columns.values(), zip(*group, strict=True), strict=True)
            writer.write_table(pa.Table.from_arrays([_column(pa, *one) for one in several], schema=schema))


def _type(pa: Any, kind: str) -> Any:
    if kind == TIME:
        return pa.timestamp("us", tz="UTC")
    return pa.list_(pa.string()) if kind == TEXTS else pa.type_for_alias(kind)


def _column(pa: Any, kind: str, values: Sequence[Any]) -> Any:
    if kind == TIME:
        return pa.array([value or None for value in values], pa.string()).cast(_type(pa, kind))
    return pa.array(values, _type(pa, kind))
