"""The order of alerts, and the first of them, without a look at all.

Where nothing but groups narrows the list: the first of a million alerts are among the first of each group, which an
index gives. Where a text, an address or a time leaves some thousands, all of these are looked at. Where it leaves more,
the order is followed until enough were found, which is soon; of a text that very many alerts have, those opened last
are taken.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sensor.views.clauses import Clause
from sensor.views.page import After

# So many that match are all looked at; of more, this many are counted: of those that need a look at other tables fewer.
FEW, COUNTED, PROBED = 5_000, 5_000, 100
COLUMNS = {"last": "last", "opened": "number", "risk": "risk"}
# By which the order is followed; the number is the key of the table itself.
_INDICES = {"last": "INDEXED BY alerts_last", "risk": "INDEXED BY alerts_risk", "number": "NOT INDEXED"}

Place = tuple[Any, int]
Groups = Counter[int]


class Order(NamedTuple):
    """``column`` of COLUMNS, whether backwards, and behind which row."""

    column: str
    backwards: bool
    after: After | None

    @property
    def words(self) -> str:
        way = "DESC" if self.backwards else "ASC"
        return f"ORDER BY a.{self.column} {way}, a.number {way}"

    @property
    def behind(self) -> tuple[str, tuple[object, ...]]:
        """A condition for what comes behind the row, with its parameters."""
        if self.after is None:
            return "1", ()
        return f"(a.{self.column}, a.number) {'<' if self.backwards else '>'} (?, ?)", (
            self.after.value,
            self.after.number,
        )


class Few(NamedTuple):
    """Alerts that are all looked at: the clause that lists them; ``exact``: they are all that match it."""

    clause: Clause
    exact: bool


def few_of(base: sqlite3.Connection, groups: Groups, clauses: Sequence[Clause]) -> Few | None:
    """The clause that leaves the fewest, where these are few; the groups are one too. None where all leave many."""
    listed = "SELECT number FROM alerts WHERE of_group IN (SELECT value FROM json_each(?))"
    best, least = Clause(listed, "1", (json.dumps(list(groups)),)), groups.total()
    for clause in clauses:
        most = min(least, FEW + 1)
        size = base.execute(f"SELECT count(*) FROM ({clause.numbers} LIMIT {most})", clause.parameters).fetchone()[0]  # noqa: S608
        if size < most:
            best, least = clause, size
    if least <= FEW:
        return Few(best, True)
    text = next((clause for clause in clauses if clause.newest), None)
    return Few(text._replace(numbers=f"{text.newest} LIMIT {FEW}"), False) if text is not None else None


def of_few(
    base: sqlite3.Connection,
    groups: Groups,
    few: Few,
    clauses: Sequence[Clause],
    column: str,
    place: Callable[[int, int], Any],
) -> tuple[list[Place], Groups]:
    """Those that match all clauses, with their places in an order, in no order. ``place`` makes the place of a value
    and a group.
    """
    others = [
        clause for clause in clauses if clause.parameters != few.clause.parameters or clause.test != few.clause.test
    ]
    tests = "".join(f" AND {clause.test}" for clause in others)
    wanted = f"SELECT a.{column}, a.number, a.of_group FROM alerts a WHERE a.number IN ({few.clause.numbers}){tests}"  # noqa: S608 - our own names
    parameters = [*few.clause.parameters, *(one for clause in others for one in clause.parameters)]
    rows = [row for row in map(tuple, base.execute(wanted, parameters)) if row[2] in groups]
    return [(place(value, group), number) for value, number, group in rows], Counter(row[2] for row in rows)


def first_of_groups(base: sqlite3.Connection, groups: Groups, order: Order, limit: int) -> list[Place]:
    """The first alerts of some groups. The first one of each group tells which groups can have one of the first: no
    more than there are rows wanted.
    """
    condition, parameters = order.behind
    best = f"(SELECT a.number FROM alerts a WHERE a.of_group = one.value AND {condition} {order.words} LIMIT 1)"  # noqa: S608 - our own names, here and below
    chosen = f"SELECT a.of_group FROM (SELECT {best} AS best FROM json_each(?) AS one) JOIN alerts a ON a.number = best {order.words} LIMIT ?"  # noqa: S608
    having = [row[0] for row in base.execute(chosen, (*parameters, json.dumps(list(groups)), limit))]
    rows = f"SELECT a.{order.column}, a.number FROM alerts a WHERE a.of_group = ? AND {condition} {order.words} LIMIT ?"  # noqa: S608
    found = [(row[0], row[1]) for group in having for row in base.execute(rows, (group, *parameters, limit))]
    return sorted(found, reverse=order.backwards)[:limit]


def first_of_many(
    base: sqlite3.Connection, groups: Groups, clauses: Sequence[Clause], order: Order, limit: int
) -> list[Place]:
    """The order is followed until enough were found."""
    condition, parameters = order.behind
    tests, theirs = _tests(groups, clauses)
    index = _INDICES[order.column]
    wanted = (
        f"SELECT a.{order.column}, a.number FROM alerts a {index} WHERE {condition} AND {tests} {order.words} LIMIT ?"  # noqa: S608
    )
    return [(row[0], row[1]) for row in base.execute(wanted, (*parameters, *theirs, limit))]


def count_of_many(base: sqlite3.Connection, groups: Groups, clauses: Sequence[Clause]) -> tuple[Groups, bool]:
    """Of those seen last that match, how many are in each group, and whether these are all."""
    tests, parameters = _tests(groups, clauses)
    most = COUNTED if all(clause.cheap for clause in clauses) else PROBED
    newest = f"SELECT a.of_group FROM alerts a INDEXED BY alerts_last WHERE {tests} ORDER BY a.last DESC LIMIT {most}"  # noqa: S608
    wanted = f"SELECT of_group, count(*) FROM ({newest}) GROUP BY 1"  # noqa: S608
    counts = Counter(dict(tuple(row) for row in base.execute(wanted, parameters)))
    return counts, counts.total() < most


def behind(places: Iterable[Place], order: Order) -> list[Place]:
    """Sorted, without what comes before the row that the order begins behind."""
    after = (order.after.value, order.after.number) if order.after is not None else None
    left = [one for one in places if after is None or (one < after if order.backwards else one > after)]
    return sorted(left, reverse=order.backwards)


def _tests(groups: Groups, clauses: Sequence[Clause]) -> tuple[str, list[object]]:
    """Groups first, then what needs no other table."""
    ordered = sorted(clauses, key=lambda clause: not clause.cheap)
    tests = " AND ".join(["a.of_group IN (SELECT value FROM json_each(?))", *(clause.test for clause in ordered)])
    return tests, [json.dumps(list(groups)), *(one for clause in ordered for one in clause.parameters)]
