"""Rows of a list as Parquet: texts, numbers, times and lists of texts as such, other values as JSON."""

from __future__ import annotations

import importlib.util
import itertools
import typing
from collections.abc import Iterable
from typing import IO, Any

import msgspec

from sensor.console.api.types import Time
from sensor.views.errors import NotReadable

# Rows of a group, which are in memory together.
GROUP = 10_000
PACKAGE = "pyarrow"
_PLAIN: dict[Any, str] = {str: "string", int: "int64", float: "float64", float | None: "float64", bool: "bool"}


def installed() -> bool:
    """Whether the extra ``hunt``, which writes Parquet, is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def write(file: IO[bytes], item: type[msgspec.Struct], items: Iterable[Any]) -> None:
    """Write all items. ``item``: their type; records are left out. Raises NotReadable without the extra."""
    if not installed():
        raise NotReadable("format parquet needs the extra hunt: pip install 'passive-network-sensor[hunt]'")
    import pyarrow as pa
    import pyarrow.parquet as pq

    hints = {name: hint for name, hint in _hints(item).items() if name != "record"}
    schema = pa.schema([(name, _type(pa, hint)) for name, hint in hints.items()])
    rows = iter(items)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(itertools.islice(rows, GROUP)):
            columns = [_column(pa, hint, [getattr(row, name) for row in group]) for name, hint in hints.items()]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _hints(item: type[msgspec.Struct]) -> dict[str, Any]:
    """The types of the fields, in their order."""
    known = typing.get_type_hints(item, include_extras=True)
    return {field.name: known[field.name] for field in msgspec.structs.fields(item)}


def _type(pa: Any, hint: Any) -> Any:
    if hint == Time:
        return pa.timestamp("us", tz="UTC")
    if hint == list[str]:
        return pa.list_(pa.string())
    return pa.type_for_alias(_PLAIN.get(hint, "string"))


def _column(pa: Any, hint: Any, values: list[Any]) -> Any:
    if hint == Time:
        return pa.array([value or None for value in values], pa.string()).cast(_type(pa, hint))
    if hint in _PLAIN or hint == list[str]:
        return pa.array(values, _type(pa, hint))
    return pa.array([msgspec.json.encode(value).decode() for value in values], pa.string())
