"""docs/reference/records.md: every table and column of the traffic records, from the schema that
the writer stores by.
"""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, page, table
from sensor.records.schema import COMMON, TABLES, TRAFFIC, Column

INTRODUCTION = """\
A sensor keeps what it saw as tables of Parquet files in the folder `records` beside its event log. `sensor search` and `sensor hunt` read them; other tools
may read the files that the manifest (`manifest.db`, SQLite) lists. Times are UTC. What is not known is null. Text of peers is cleaned and bounded. Passwords
and other secrets are never stored.

`src` is the side that opened the connection or asked, `dst` the side that answered. A message that another message within a few seconds repeats is kept once.
Bytes are those of whole frames, as `tshark -z conv` counts them; Zeek counts IP packets without the link header. The columns `ECS` and `Zeek` name the field of
the Elastic Common Schema and of Zeek's logs, which `sensor records export` writes.
"""
HEADS = ("column", "type", "meaning", "ECS", "Zeek")


def records() -> str:
    """The page."""
    return page("Traffic records", _lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from ("## Common columns", "", f"Of {', '.join(code(one.name) for one in TRAFFIC)}.", "")
    yield from table(HEADS, [_row(column) for column in COMMON])
    for one in TABLES.values():
        yield from (f"## {one.name}", "", inline(one.meaning), "")
        if one in TRAFFIC:
            yield from ("Beside the common columns:", "")
        own = [column for column in one.columns if one not in TRAFFIC or column not in COMMON]
        yield from table(HEADS, [_row(column) for column in own])


def _row(column: Column) -> tuple[str, ...]:
    return code(column.name), column.kind, inline(column.meaning), code(column.ecs), code(column.zeek)
