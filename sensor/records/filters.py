"""Filters of a search: ``dst_port=443``, ``src_bytes>1000000``, ``user_agent=*curl*``, ``dst_ip=203.0.113.0/24``."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sensor.core import addresses
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.moments import EXPECTED, moment_of
from sensor.records.community_sql import VERSION, prefix_of
from sensor.records.contents import block_values, endings
from sensor.records.file_selection import Values
from sensor.records.filter_values import expected
from sensor.records.query import Query, as_sql
from sensor.records.schema import ALERT, FLAG, LIST, TABLES, TEXT, TIME, Column, Table
from sensor.records.searched import DOMAINS, EXACT, IPS, MACS

_FILTER = lazy_pattern(r"([a-z_0-9]+)(!=|>=|<=|=|>|<)(.*)")
# Limit on the different IPv6 addresses that are compared with a block.
ADDRESSES_MOST = 1_000_000
COMMUNITY = "community_id"


class SearchError(Exception):
    """An invalid search; the message has what was expected."""


class Condition(NamedTuple):
    """SQL on the columns of a table, with its values."""

    sql: str
    values: tuple[Any, ...] = ()


class Filter(NamedTuple):
    """``addresses``: those of an IPv6 block that occur in the records; None for other filters."""

    column: str
    sign: str
    value: str
    addresses: tuple[str, ...] | None = None

    @property
    def is_block(self) -> bool:
        """Whether it compares addresses with a block."""
        return self.column in IPS and "/" in self.value


def is_filter(argument: str) -> bool:
    """Whether an argument of the command line is a filter; a Community ID ends with an equals sign."""
    return not argument.startswith(VERSION) and any(sign in argument for sign in "=<>")


def parsed(text: str, columns: Iterable[str] = ()) -> Filter:
    """Parse a filter of the command line. ``columns``: those that it may name; without any, those of all tables. Raises
    SearchError.
    """
    found = _FILTER.fullmatch(text)
    if found is None:
        raise SearchError(f"found {text!r}, expected a filter such as dst_port=443 or src_bytes>1000000")
    column, sign, value = found.groups()
    known = set(columns) or {name for table in TABLES.values() for name in table.names}
    if column not in known:
        from sensor.documents import nearest

        raise SearchError(f"found the filter {column!r}, {nearest(column, sorted(known))}")
    one = Filter(column, sign, standard(column, value))
    if sign in {"=", "!="} and not one.is_block and (form := expected(column, one.value)):
        raise SearchError(f"found {text!r}, {form if form.startswith(('expected', 'did')) else f'expected {form}'}")
    if column == COMMUNITY:
        if sign not in {"=", "!="}:
            raise SearchError(f"found {text!r}, expected = or != and a Community ID")
        of_community(value)
    return one._replace(value=_block(one)) if one.is_block else one


def standard(column: str, value: str) -> str:
    """An address or a MAC in the notation of records; other texts, and patterns, as they are."""
    try:
        if column in IPS:
            return addresses.text(addresses.parse(value))
        return addresses.mac_text(addresses.parse_mac(value)) if column in MACS else value
    except ValueError:
        return value


def _block(one: Filter) -> str:
    """The block of a filter in standard notation. Raises SearchError."""
    try:
        found = str(ipaddress.ip_network(one.value, strict=False))
    except ValueError:
        found = ""
    if not found or one.sign not in {"=", "!="}:
        raise SearchError(
            f"found {one.column}{one.sign}{one.value}, expected = or != and a block such as 203.0.113.0/24"
        )
    return found


def resolved(one: Filter, query: Query) -> Filter:
    """A filter with the addresses of its IPv6 block. Raises QueryError, SearchError."""
    return one._replace(addresses=within(one.value, query)) if one.is_block and ":" in one.value else one


def within(block: str, query: Query) -> tuple[str, ...]:
    """The addresses of an IPv6 block in all tables. Raises QueryError, or SearchError if there are too many."""
    network = ipaddress.ip_network(block, strict=False)
    parts = [
        f"SELECT {f'unnest({name})' if column.kind == LIST else name} AS ip FROM {table.name}"
        for table in TABLES.values()
        for name in IPS
        if table.stored and (column := table.column(name)) is not None
    ]
    answer = query.run(
        f"SELECT DISTINCT ip FROM ({' UNION ALL '.join(parts)}) WHERE ip LIKE '%:%'", most=ADDRESSES_MOST
    )
    if answer.more:
        raise SearchError(f"found more than {ADDRESSES_MOST:,} IPv6 addresses, expected fewer: narrow it with --since")
    return tuple(ip for (ip,) in answer.rows if _in(ip, network))


def _in(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether an address is in a network; answers of name servers also contain other texts."""
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def values_of(one: Filter) -> Values:
    """Values of which each matching row has one, for the filters of files; None if any row may match."""
    if one.sign != "=" or not one.value.isascii():
        return None
    if one.addresses is not None:
        return [address.encode() for address in one.addresses]
    if one.is_block:
        return block_values(one.value)
    text = one.value.lower()
    if one.column in EXACT:
        return None if "*" in text else [text.encode(), one.value.encode()]
    name = text.removeprefix("*.").encode()
    found = endings(name) if one.column in DOMAINS and b"*" not in name else []
    return found[:1] or None


def narrowed(table: Table, filters: Sequence[Filter]) -> Condition | None:
    """All filters for one table; None if it lacks a column. Raises SearchError if a value does not fit its column."""
    sql, values = list[str](), list[Any]()
    for one in filters:
        column = table.column(one.column)
        if table is ALERT and one.column == "uid":
            text, more = _of_flow(one)
        elif column is None:
            return None
        else:
            text, more = condition(column, one)
        sql.append(text)
        values += more
    return Condition(" AND ".join(sql), tuple(values))


def _of_flow(one: Filter) -> Condition:
    """Alerts by a connection in their evidence."""
    return Condition(f"alert IN (SELECT alert FROM alert_flow WHERE uid {one.sign} ?)", (_number(one),))


def among(uids: Iterable[int]) -> str:
    """SQL of whether a connection is one of several."""
    listed = ", ".join(map(str, uids))
    return f"uid IN ({listed})" if listed else "false"


def condition(column: Column, one: Filter) -> Condition:
    """A filter on a column. Raises SearchError if its value does not fit."""
    if one.column == "alert_ids":
        # The beginning of an id is enough, as for commands on alerts; an empty one is none.
        flows = "SELECT uid FROM alert_flow WHERE starts_with(alert, nullif(?, ''))"
        return Condition(f"{_not(one)}uid IN ({flows})", (one.value,))
    if one.is_block:
        return _in_blocks(column, one)
    if one.column == COMMUNITY:
        found = of_community(one.value)
        return found if one.sign == "=" else Condition(f"NOT coalesce({found.sql}, false)", found.values)
    if column.kind == LIST:
        return Condition(f"{_not(one)}coalesce(list_contains({column.name}, ?), false)", (one.value,))
    if column.kind == TEXT and one.sign in {"=", "!="}:
        return Condition(f"{column.name} {_not(one)}ILIKE ? ESCAPE '\\'", (escaped(one.value).replace("*", "%"),))
    if column.kind == TIME:
        return Condition(f"{column.name} {one.sign} ?::TIMESTAMP", (_moment(one),))
    value = one.value if column.kind == TEXT else _flag(one) if column.kind == FLAG else _number(one)
    return Condition(f"{column.name} {one.sign} ?", (value,))


def of_community(text: str) -> Condition:
    """A condition for connections with a Community ID, by its prefix; those of earlier versions have none stored.
    Raises SearchError.
    """
    prefix = prefix_of(text)
    if prefix is None:
        raise SearchError(
            f"found {text!r}, expected a Community ID of version 1: 1: and 20 bytes in base64, such as "
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        )
    return Condition(f"(community_hash = ? OR community_hash IS NULL) AND {COMMUNITY} = ?", (prefix, text))


def _not(one: Filter) -> str:
    return "NOT " if one.sign == "!=" else ""


def _in_blocks(column: Column, one: Filter) -> Condition:
    if one.addresses is None:
        return Condition(f"{_not(one)}coalesce({in_block(column)}, false)", (one.value,))
    return Condition(f"{_not(one)}coalesce({is_one_of(column)}, false)", ([*one.addresses],))


def is_one_of(column: Column) -> str:
    """SQL of whether a value, or one of several, is in a list."""
    return f"list_has_any({column.name}, ?)" if column.kind == LIST else f"list_contains(?, {column.name})"


def in_block(column: Column) -> str:
    """SQL of whether an address, or one of several, is in an IPv4 block."""
    if column.kind == LIST:
        return f"len(list_filter({column.name}, lambda one: in_cidr(one, ?))) > 0"
    return f"in_cidr({column.name}, ?)"


def escaped(text: str) -> str:
    """A text in a pattern of LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _flag(one: Filter) -> bool:
    if one.value.lower() not in {"true", "false"}:
        raise _unfit(one, "true or false")
    return one.value.lower() == "true"


def _moment(one: Filter) -> str:
    """A time in SQL notation; UTC unless the text names a zone."""
    try:
        return as_sql(moment_of(one.value, time.time_ns()) // 1000)
    except (ValueError, OverflowError):
        raise _unfit(one, EXPECTED) from None


def _number(one: Filter) -> float | int:
    try:
        return float(one.value) if "." in one.value else int(one.value)
    except ValueError:
        raise _unfit(one, "a number") from None


def _unfit(one: Filter, expected_value: str) -> SearchError:
    return SearchError(f"found {one.column}{one.sign}{one.value}, expected {expected_value} after {one.sign}")
