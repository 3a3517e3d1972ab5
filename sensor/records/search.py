"""Search: one term, and every record that contains it. The kind of term (an address, a block, a MAC, a name ...)
determines which columns are searched.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sensor.core import addresses
from sensor.core.lazy_pattern import lazy_pattern
from sensor.records.asof import Labels
from sensor.records.community_sql import VERSION
from sensor.records.contents import block_values, domain_value
from sensor.records.derived import community_of
from sensor.records.file_selection import Values
from sensor.records.filters import (
    Condition,
    Filter,
    SearchError,
    among,
    escaped,
    in_block,
    is_one_of,
    narrowed,
    of_community,
    resolved,
    standard,
    values_of,
    within,
)
from sensor.records.query import Query, as_sql
from sensor.records.schema import ALERT, ALERT_FLOW, CONN, COVERAGE, LIST, TABLES, Column, Table
from sensor.records.searched import DEVICES, DOMAINS, FREE, HASHES, IPS, JA4S, MACS
from sensor.records.views import whole_name

_JA4 = lazy_pattern(r"[tqd][0-9a-z]{2}[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_HASH = lazy_pattern(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})")
_DOMAIN = lazy_pattern(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\.?")
NEAR = 64
COMMUNITY = "Community ID"
# Limit on connections with a Community ID, the newest first: a client may reuse a port for the same server.
FLOWS = 1_000


class SearchTerm(NamedTuple):
    """The search term. ``what``: how it was interpreted, for users; ``devices``: ids of devices that have it;
    ``flows``: uids of connections that have it.
    """

    text: str
    what: str
    devices: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    flows: tuple[int, ...] = ()

    @property
    def values(self) -> list[bytes] | None:
        """Values of which each matching row has one, for the filters of files; None if any row may match."""
        if self.what == "domain":
            return [domain_value(self.text)]
        if self.what == "block" and ":" not in self.text:
            return block_values(self.text)
        if self.what in {"text", COMMUNITY}:
            return None
        some = self.devices or self.addresses or (() if self.what in {"device", "block"} else (self.text,))
        return [one.encode(errors="surrogateescape") for one in some]


def understood(text: str, query: Query) -> SearchTerm:
    """Interpret a search term. Raises SearchError for an invalid address, QueryError."""
    text = text.strip()
    if not text:
        raise SearchError("expected an address, a block, a MAC, a device, a domain, a hash or a text")
    if (kind := _address(text)) is not None:
        if kind == "block" and ":" in text:
            return SearchTerm(text, "block", addresses=within(text, query))
        text = standard("ip", text) if kind == "address" else str(ipaddress.ip_network(text, strict=False))
        return SearchTerm(text, kind)
    if text.startswith(VERSION):
        return SearchTerm(text, COMMUNITY, flows=_flows(text, query))
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}", text):
        return SearchTerm(addresses.mac_text(addresses.parse_mac(text)), "MAC")
    if _JA4.fullmatch(text.lower()):
        return SearchTerm(text.lower(), "JA4")
    if _HASH.fullmatch(text.lower()):
        return SearchTerm(text.lower(), "hash")
    found = query.run(
        "SELECT DISTINCT device FROM device_history WHERE device = ? OR lower(name) = lower(?)", (text, text), NEAR
    )
    if found.rows:
        return SearchTerm(text, "device", tuple(row[0] for row in found.rows))
    if _DOMAIN.fullmatch(text.lower()):
        return SearchTerm(text.lower().rstrip("."), "domain")
    return SearchTerm(text, "text")


def _flows(text: str, query: Query) -> tuple[int, ...]:
    """The uids of the newest connections with a Community ID. Raises SearchError, QueryError."""
    where = of_community(text)
    sql = f"SELECT uid FROM {whole_name(CONN)} WHERE {where.sql} ORDER BY ts DESC LIMIT {FLOWS}"
    return tuple(uid for (uid,) in query.run(sql, where.values).rows if uid is not None)


def _address(text: str) -> str | None:
    """The address or block, or None. Raises SearchError if the text can only be an invalid one."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return "address"
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        if re.fullmatch(r"[0-9.]+(?:/\d+)?", text) and text.count(".") >= 2:
            raise SearchError(
                f"found {text!r}, expected an address such as 203.0.113.66 or a block such as 203.0.113.0/24"
            ) from None
        return None
    return "block"


def condition(term: SearchTerm, table: Table) -> Condition | None:
    """A condition for the rows of a table that contain the term; None if the table has no suitable column."""
    if term.what == "block" and ":" in term.text:
        return _any(table, IPS, lambda column: (is_one_of(column), ([*term.addresses],)))
    if term.what == "block":
        return _any(table, IPS, lambda column: (in_block(column), (term.text,)))
    if term.what == "device":
        marks = ", ".join("?" * len(term.devices))
        return _any(table, DEVICES, lambda column: (f"{column.name} IN ({marks})", term.devices))
    if term.what == "domain":
        return _any(table, DOMAINS, lambda column: (_below(column), (term.text,)))
    if term.what == COMMUNITY:
        if table is ALERT:
            return Condition(f"alert IN (SELECT alert FROM alert_flow WHERE {among(term.flows)})")
        return Condition(among(term.flows)) if table.column("uid") is not None else None
    if term.what == "text":
        return _any(table, FREE, lambda column: (f"{column.name} ILIKE ? ESCAPE '\\'", (f"%{escaped(term.text)}%",)))
    columns = {"address": IPS, "MAC": MACS, "JA4": JA4S, "hash": HASHES}[term.what]
    return _any(
        table,
        columns,
        lambda column: (
            f"list_contains({column.name}, ?)" if column.kind == LIST else f"{column.name} = ?",
            (term.text,),
        ),
    )


def _below(column: Column) -> str:
    if column.kind == LIST:
        return f"len(list_filter({column.name}, lambda one: below(one, ?))) > 0"
    return f"below({column.name}, ?)"


def _any(table: Table, names: Sequence[str], made: Any) -> Condition | None:
    """A condition that any of several columns matches, of those that the table has."""
    columns = [column for name in names if (column := table.column(name)) is not None]
    if not columns:
        return None
    parts = [made(column) for column in columns]
    return Condition(
        " OR ".join(f"({sql})" for sql, _ in parts), tuple(value for _, values in parts for value in values)
    )


Row = dict[str, Any]


def search(
    query: Query, term: SearchTerm | None, filters: Sequence[Filter] = (), tables: Sequence[str] = (), most: int = 200
) -> tuple[list[Row], bool]:
    """The newest matching rows of all tables, in order of time, each with its ``table``; and whether there are more."""
    rows = list[Row]()
    filters = [resolved(one, query) for one in filters]
    values = [term.values if term is not None else None, *(values_of(one) for one in filters)]
    for table, where in _conditions(term, filters, tables):
        rows += _newest(query, table, where, values, most + 1)
    rows.sort(key=lambda row: (str(row["ts"]), row["table"]))
    return _with_alerts(query, [_with_community(row) for row in rows[-most:]]), len(rows) > most


def _with_alerts(query: Query, rows: list[Row]) -> list[Row]:
    """The rows, connections with the ids of their alerts; None if there are none."""
    uids = {row["uid"] for row in rows if row["table"] == CONN.name and row["uid"] is not None}
    if not uids:
        return rows
    named = f"SELECT uid, list(DISTINCT alert ORDER BY alert) FROM alert_flow WHERE {among(uids)} GROUP BY uid"
    alerts = dict(query.run(named, most=len(uids)).rows)
    return [row | {"alert_ids": alerts.get(row["uid"])} if row["table"] == CONN.name else row for row in rows]


def _with_community(row: Row) -> Row:
    return row | {"community_id": found} if "uid" in row and (found := community_of(row)) else row


def _newest(query: Query, table: Table, where: Condition, values: Sequence[Values], most: int) -> list[Row]:
    """The newest matching rows of a table. Stops when the remaining files cannot have newer ones."""
    rows = list[Row]()
    # Of connections, derived columns are computed for the rows of the result only.
    names = ", ".join(one.name for one in table.columns if not (one.derived and table.hidden))
    began = f" AND ts >= TIMESTAMP '{as_sql(query.within.since)}'" if query.within.since is not None else ""
    for source, last in query.steps(table, *values):
        sql = f"SELECT {names} FROM {source} WHERE ({where.sql}){began} ORDER BY ts DESC LIMIT {most}"
        answer = query.run(sql, where.values, most)
        rows += [{"table": table.name} | dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        rows = sorted(rows, key=lambda row: str(row["ts"]), reverse=True)[:most]
        if len(rows) == most and moment_us(rows[-1]["ts"]) >= last:
            break
    return rows


def moment_us(ts: str) -> int:
    """A time in an answer, microseconds since the epoch."""
    return round(datetime.fromisoformat(ts).replace(tzinfo=UTC).timestamp() * 1e6)


def _conditions(
    term: SearchTerm | None, filters: Sequence[Filter], tables: Sequence[str]
) -> Iterator[tuple[Table, Condition]]:
    for table in TABLES.values():
        if table in {COVERAGE, ALERT_FLOW} or (table.name not in tables if tables else not table.stored):
            continue
        fits, narrow = condition(term, table) if term is not None else Condition("true"), narrowed(table, filters)
        if fits is not None and narrow is not None:
            yield table, Condition(f"({fits.sql}) AND ({narrow.sql or 'true'})", (*fits.values, *narrow.values))


def labels(query: Query, rows: Sequence[Mapping[str, Any]]) -> Labels:
    """The display names of the devices in some rows, at the time of each row."""
    return Labels(query, (row[name] for row in rows for name in DEVICES if row.get(name)))
