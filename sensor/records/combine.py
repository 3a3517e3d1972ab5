"""One query over the answers of many sensors: their rows form the table ``found`` in the query process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.records.confined import Confined
from sensor.records.query_process import Answer, QueryStart, Request

TABLE = "found"
MEMORY_MIB, SECONDS, THREADS = 512, 60.0, 2
# DuckDB types that a sensor may name; values of other types are texts.
_TYPE = lazy_pattern(
    r"(BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|FLOAT|"
    r"DOUBLE|VARCHAR|DATE|TIMESTAMP"
    r"|DECIMAL\(\d{1,2},\d{1,2}\))(\[\])?"
)


class Columns(NamedTuple):
    """``types``: DuckDB's name of each column's type."""

    names: Sequence[str]
    types: Sequence[str]


def combined(columns: Columns, rows: Iterable[Sequence[Any]], sql: str, most: int) -> Answer:
    """The result of a query on rows with these columns. Raises QueryError."""
    names = _distinct(columns.names)
    made = ", ".join(f"{_quoted(name)} {_known(kind)}" for name, kind in zip(names, columns.types, strict=True))
    with tempfile.TemporaryDirectory(prefix="sensor-hub-") as empty:
        process = Confined(QueryStart(empty, [f"CREATE TABLE {TABLE} ({made})"], MEMORY_MIB, THREADS), SECONDS)
        try:
            process.run(Request("", 0, [list(row) for row in rows], TABLE))
            return process.run(Request(sql, most))
        finally:
            process.close()


def _distinct(names: Sequence[str]) -> list[str]:
    """Distinct column names, which DuckDB compares in lower case: a second ``name`` becomes ``name_2``."""
    found = dict[str, str]()
    for name in names:
        number, one = 2, name or "column"
        while one.lower() in found:
            number, one = number + 1, f"{name or 'column'}_{number}"
        found[one.lower()] = one
    return list(found.values())


def _known(kind: str) -> str:
    return kind if _TYPE.fullmatch(kind) else "VARCHAR"


def _quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'
