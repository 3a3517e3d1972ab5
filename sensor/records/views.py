"""The schema of queries: a view for each table, over the files in the manifest, and views and functions known from
other tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sensor.records.community_sql import MACROS as COMMUNITY
from sensor.records.defender import DEFENDER
from sensor.records.schema import DEVICE_HISTORY, FLAG, INT, LIST, NUMBER, SECONDS, TABLES, TEXT, TIME, Column, Table

SQL_TYPES = {
    TIME: "TIMESTAMP",
    TEXT: "VARCHAR",
    LIST: "VARCHAR[]",
    INT: "BIGINT",
    FLAG: "BOOLEAN",
    SECONDS: "DOUBLE",
    NUMBER: "DOUBLE",
}

# Functions common in other tools: IPv4 as a number; whether an address is in an IPv4 block; a name and its subdomains;
# private addresses as a pattern, because a macro is expanded wherever it is used.
MACROS = """
CREATE MACRO ip4(ip) AS CASE WHEN ip LIKE '%.%.%.%' AND ip NOT LIKE '%:%' AND ip NOT LIKE '%.%.%.%.%' THEN
    try_cast(split_part(ip, '.', 1) AS BIGINT) * 16777216 + try_cast(split_part(ip, '.', 2) AS BIGINT) * 65536
    + try_cast(split_part(ip, '.', 3) AS BIGINT) * 256 + try_cast(split_part(ip, '.', 4) AS BIGINT) END;
CREATE MACRO in_cidr(ip, block) AS ip4(ip) >> (32 - split_part(block || '/32', '/', 2)::INT)
    = ip4(split_part(block, '/', 1)) >> (32 - split_part(block || '/32', '/', 2)::INT);
CREATE MACRO below(name, domain) AS lower(name) = lower(domain) OR lower(name) LIKE '%.' || lower(domain);
CREATE MACRO is_private(ip) AS regexp_matches(ip, '^(10|172[.](1[6-9]|2[0-9]|3[01])|192[.]168|169[.]254'
    || '|100[.](6[4-9]|[789][0-9]|1[01][0-9]|12[0-7]))[.][0-9.]+$|^(fe80|f[cd][0-9a-f][0-9a-f]):');
"""
MARK = "alerts of connection"
# Columns that are computed when a table is read, as SQL on the columns of its files.
DERIVED = {
    "valid_to": "lead(ts) OVER (PARTITION BY device ORDER BY ts)",
    # The alerts of a connection are joined only for queries that use them, which fail with this text first: a join
    # would cost all queries. `nullif`: so that DuckDB does not decide tests for null without a value.
    "alert_ids": f"nullif(CAST('{MARK} ' || uid AS VARCHAR[]), [])",
    "community_id": "community_id(src_ip, dst_ip, proto, src_port, dst_port)",
}
# The current state of devices.
DEVICE = "CREATE VIEW device AS SELECT * EXCLUDE (valid_to) FROM device_history WHERE valid_to IS NULL"


class Paths(NamedTuple):
    """Absolute paths of files with the present columns, and of others, which may lack some."""

    today: Sequence[str] = ()
    others: Sequence[str] = ()


def statements(files: Mapping[str, Paths], since: str = "", until: str = "") -> Iterator[str]:
    """SQL that creates the views. ``files``: by table; ``since`` and ``until``: times in SQL notation."""
    yield MACROS
    yield COMMUNITY
    for table in TABLES.values():
        if not table.stored:
            yield (
                f"CREATE TABLE {table.name} ({', '.join(f'{one.name} {SQL_TYPES[one.kind]}' for one in table.columns)})"
            )
            continue
        there = selected(table, files.get(table.name, Paths()), since, until, whole=bool(table.hidden))
        if table.hidden:
            yield f"CREATE VIEW {whole_name(table)} AS {there}"
            there = shown(table)
        yield f"CREATE VIEW {table.name} AS {there}"
    yield DEVICE
    yield DEFENDER


def shown(table: Table, where: str = "true", *, alerts: bool = False) -> str:
    """SQL of the rows of a table with hidden columns, without these. ``alerts``: with the ids of their alerts."""
    names = ", ".join(
        "alerts.alert_ids" if one.name == "alert_ids" and alerts else f"c.{one.name}" for one in table.columns
    )
    return f"SELECT {names} FROM {whole_name(table)} AS c {_ALERTS if alerts else ''} WHERE {where}"


_ALERTS = """LEFT JOIN (
    SELECT uid, list(DISTINCT alert ORDER BY alert) AS alert_ids FROM alert_flow GROUP BY uid
) AS alerts ON alerts.uid = c.uid"""


def whole_name(table: Table) -> str:
    """The view of a table with its hidden columns; the table's own name if it has none."""
    return f"_{table.name}" if table.hidden else table.name


def selected(table: Table, files: Paths, since: str = "", until: str = "", *, whole: bool = False) -> str:
    """SQL of the rows in some files of a table. ``whole``: with its hidden columns."""
    columns = table.columns + (table.hidden if whole else ())
    if not (files.today or files.others):
        return f"SELECT {_nulls(columns)} WHERE false"
    names = ", ".join(f"{DERIVED[one.name]} AS {one.name}" if one.derived else one.name for one in columns)
    # The state of a device before the start of the time range.
    range_ = [f"ts >= TIMESTAMP '{since}'"] if since and table is not DEVICE_HISTORY else []
    range_ += [f"ts < TIMESTAMP '{until}'"] if until else []
    where = f" WHERE {' AND '.join(range_)}" if range_ else ""
    return f"SELECT {names} FROM ({_read(table, files)}){where}"


def _read(table: Table, files: Paths) -> str:
    """Files with the present columns are opened directly; for others the columns are read first."""
    parts = [f"SELECT * FROM read_parquet([{_listed(files.today)}])"] if files.today else []
    if files.others:
        # All files may lack a present column: its values are then null instead of an error.
        parts.append(f"SELECT * FROM read_parquet([{_listed(files.others)}], union_by_name = true)")
        parts.append(f"SELECT {_nulls(table.in_files)} WHERE false")
    return " UNION ALL BY NAME ".join(parts)


def _nulls(columns: Iterable[Column]) -> str:
    return ", ".join(f"NULL::{SQL_TYPES[one.kind]} AS {one.name}" for one in columns)


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(f"'{quoted(path)}'" for path in paths)


def quoted(text: str) -> str:
    """A text as an SQL string literal."""
    return text.replace("'", "''")
