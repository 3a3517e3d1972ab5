"""Rows of a list as Parquet: texts, numbers, times and lists of texts as such, other values as JSON."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import IO, Any

import msgspec

from sensor.console.api.types import Time
from sensor.records.installed import MISSING, installed
from sensor.records.parquet_rows import BOOL, FLOAT, INTEGER, STRING, TEXTS, TIME, write_rows
from sensor.views.errors import NotReadable

_KINDS: dict[Any, str] = {
    str: STRING, int: INTEGER, int | None: INTEGER, float: FLOAT, float | None: FLOAT, bool: BOOL, Time: TIME,
    list[str]: TEXTS,
}  # fmt: skip


def write(file: IO[bytes], item: type[msgspec.Struct], items: Iterable[Any]) -> None:
    """Write all items. ``item``: their type; records are left out. Raises NotReadable without the extra."""
    if not installed():
        raise NotReadable(f"format parquet {MISSING}")
    known = typing.get_type_hints(item, include_extras=True)
    names = [field.name for field in msgspec.structs.fields(item) if field.name != "record"]
    plain = {name: known[name] in _KINDS for name in names}
    rows = ([_value(getattr(one, name), plain[name]) for name in names] for one in items)
    write_rows(file, {name: _KINDS.get(known[name], STRING) for name in names}, rows)


def _value(value: Any, plain: bool) -> Any:
    return value if plain else msgspec.json.encode(value).decode()
