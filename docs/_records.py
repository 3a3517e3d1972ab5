"""docs/reference/records.md: every table and column of the traffic records, from the schema that
the writer stores by.
"""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, page, table
from sensor.records.schema import COMMON, TABLES, TRAFFIC, Column

INTRODUCTION = """\
This page lists every table and column of the [traffic records](../investigate/records.md), which are Parquet files in
the folder `records` next to the event log. `sensor search` and `sensor hunt` read them; other tools can read the files
that the manifest (`manifest.db`, SQLite) lists. Times are UTC. Unknown values are null. Text from the network is
sanitized and bounded. Passwords and other secrets are never stored.

`src` is the side that opened the connection or sent the request, `dst` the side that responded. A message that is
repeated within a few seconds is recorded once. Bytes are counted by whole frames, as in `tshark -z conv`; Zeek counts
IP packets without the link header. The columns `ECS` and `Zeek` name the corresponding fields of the Elastic Common
Schema and of Zeek's logs, which `sensor records export` writes.
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
            yield from ("In addition to the common columns:", "")
        own = [column for column in one.columns if one not in TRAFFIC or column not in COMMON]
        yield from table(HEADS, [_row(column) for column in own])


def _row(column: Column) -> tuple[str, ...]:
    return code(column.name), column.kind, inline(column.meaning), code(column.ecs), code(column.zeek)
