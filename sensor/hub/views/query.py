"""Queries of the hub's lists: conditions with their values, and pages in an order that an index has (keyset paging)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from sensor.hub.database import Connection
from sensor.views.page import PageStart, invalid_cursor

# Matches that are counted; with more, the total is a lower bound.
COUNTED = 10_000
# As many if each row has to be tested for a frequent word.
COUNTED_FREQUENT = 1_000
# Matches of a text from which a list is read in its order and each row is tested.
FREQUENT = 20_000
# PostgreSQL expects 0.5 % of the rows for each value without statistics, which is in most cases a rare one. Up to this
# share, matches are counted.
UNCERTAIN = 0.03
# The number of the row that a list has, for each row of a table of words: it has one row of a device or an alert of
# several sensors.
LISTED: LiteralString = "coalesce(w.counted_as, w.number)"
# Columns that are times. In cursors, they are microseconds since the epoch.
TIMES = ("last", "first")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


class Reader(NamedTuple):
    """A connection within a transaction. ``sites``: sites to show; None: all that the transaction may read."""

    base: Connection
    sites: tuple[str, ...] | None = None

    def rows(self, statement: sql.SQL | sql.Composed, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        # Not prepared: a plan for any values is a bad one for most words and sites.
        found: list[tuple[Any, ...]] = self.base.execute(statement, values, prepare=False).fetchall()
        return found

    @property
    def reads_all(self) -> bool:
        """Whether the transaction may read all sites."""
        return bool(self.rows(sql.SQL("SELECT '*' = ANY (readable_sites())"), {})[0][0])

    def conditions(self, alias: LiteralString) -> Conditions:
        """Conditions on a table with a column ``site``; so far, that of the sites."""
        found = Conditions()
        if self.sites is not None:
            found.add_any(alias, "site", "sites", self.sites)
        return found


class Conditions:
    """Conditions that must all be met, and their values by name. ``counted``: matches that are counted at most."""

    def __init__(self) -> None:
        self.counted = COUNTED
        self._tests: list[sql.Composable] = []
        self.values: dict[str, Any] = {}

    def add(self, test: LiteralString | sql.Composable, **values: Any) -> None:
        self._tests.append(sql.SQL(test) if isinstance(test, str) else test)
        self.values |= values

    def add_any(self, alias: str, column: str, name: str, values: Sequence[Any]) -> None:
        """The column has one of these values. A single one is an equality, for which an index keeps its order."""
        test = sql.SQL("{} = {}" if len(values) == 1 else "{} = ANY ({})")
        given = values[0] if len(values) == 1 else list(values)
        self.add(test.format(sql.Identifier(alias, column), sql.Placeholder(name)), **{name: given})

    def add_words(self, reader: Reader, alias: str, table: str, test: sql.Composable, **values: Any) -> None:
        """The row, or one that counts as it, has a match in a table of words. Few matches are listed first; if there
        are many, the list is read in its order and each row is tested.
        """
        listed = sql.SQL(LISTED)
        matches = sql.SQL("SELECT {} FROM {} w WHERE {}").format(listed, sql.Identifier(table), test)
        number = sql.Identifier(alias, "number")
        if _is_frequent(reader, table, matches, values):
            self.counted = COUNTED_FREQUENT
            self.add(sql.SQL("EXISTS ({} AND {} = {} OFFSET 0)").format(matches, listed, number), **values)
        else:
            self.add(sql.SQL("{} = ANY (ARRAY({}))").format(number, matches), **values)

    @property
    def sql(self) -> sql.Composable:
        return sql.SQL(" AND ").join(self._tests) if self._tests else sql.SQL("true")


class Order(NamedTuple):
    """``columns`` of an index, before the number of the row."""

    columns: tuple[str, ...]
    backwards: bool = True

    def behind(self, alias: str, after: PageStart, values: dict[str, Any]) -> sql.Composable:
        """The condition for rows after a row. Adds its values. Raises Malformed if the cursor does not fit."""
        place, count = after.value if isinstance(after.value, list) else [after.value], len(self.columns)
        try:
            for column, value in zip((*self.columns, "number"), (*place[:count], after.number), strict=True):
                values[f"after_{column}"] = _EPOCH + int(value) * _US if column in TIMES else value
        except (ValueError, OverflowError):
            raise invalid_cursor(after.value) from None
        named = [sql.Placeholder(f"after_{column}") for column in (*self.columns, "number")]
        sign = sql.SQL("<" if self.backwards else ">")
        return sql.SQL("({}) {} ({})").format(self._columns(alias), sign, sql.SQL(", ").join(named))

    def clause(self, alias: str) -> sql.Composable:
        way = sql.SQL(" DESC" if self.backwards else " ASC")
        columns = [sql.Identifier(alias, column) + way for column in (*self.columns, "number")]
        return sql.SQL(", ").join(columns)

    def place(self, mark: str, row: Sequence[Any], number: int) -> PageStart:
        """The cursor behind a row. ``row``: its values of the columns."""
        values = [us_of(value) if isinstance(value, datetime) else value for value in row]
        return PageStart(mark, values, number)

    def _columns(self, alias: str) -> sql.Composable:
        return sql.SQL(", ").join(sql.Identifier(alias, column) for column in (*self.columns, "number"))


def _is_frequent(reader: Reader, table: str, matches: sql.Composable, values: dict[str, Any]) -> bool:
    """Whether more than FREQUENT rows of a table of words match."""
    expected = _expected(reader.base, matches, values)
    if expected <= FREQUENT:
        return False
    [(rows,)] = reader.rows(
        sql.SQL("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%(table)s)"), {"table": table}
    )
    if expected > UNCERTAIN * rows:
        return True
    counted = sql.SQL("SELECT count(*) FROM ({} LIMIT {}) found").format(matches, FREQUENT + 1)
    return bool(reader.rows(counted, values)[0][0] > FREQUENT)


def _expected(base: Connection, query: sql.Composable, values: dict[str, Any]) -> int:
    """The number of rows that PostgreSQL expects from its statistics."""
    cursor = psycopg.ClientCursor(base)
    [(plan,)] = cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(query), values).fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


def us_of(time: datetime) -> int:
    """Microseconds since the epoch."""
    return (time - _EPOCH) // _US


def ns_of(time: datetime) -> int:
    """Nanoseconds since the epoch."""
    return us_of(time) * 1000


def time_at(ns: int) -> datetime:
    """A time in ns; the nearest that PostgreSQL and Python have for one out of range."""
    return _EPOCH + min(max(ns // 1000, -(1 << 55)), 1 << 57) * _US


def like(word: str) -> str:
    """A LIKE pattern for texts that contain a word."""
    return f"%{escaped(word)}%"


def escaped(text: str) -> str:
    """A text as LIKE pattern that matches only itself."""
    for sign in "\\%_":
        text = text.replace(sign, "\\" + sign)
    return text
