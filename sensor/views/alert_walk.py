"""The first alerts of an order, found without a look at all of them.

The order is followed until enough were found; where they are not among the first steps, all that a clause leaves are
looked at after all. Each step reads one index, which holds all that an order needs. Where groups alone narrow the list,
the first alerts are among the first of each group.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from sensor.views.alert_numbers import Groups, Numbers, conditions_of, of_numbers, passing, tuples
from sensor.views.alert_order import SORTS, Order, Place, behind, place_of
from sensor.views.clauses import Clause

# Steps of a walk at most, and those whose test asks other tables.
STEPS, TESTED = 150_000, 10_000
# Alerts at even distances that show where those of a time are; reading and sorting one takes as long as so many steps.
SAMPLES, SORTED = 200, 2.5

# A place and its group.
Found = tuple[Place, int]


class _Source(NamedTuple):
    """Rows to follow, as SQL with its parameters: columns of the order, number, group."""

    query: str
    parameters: list[object]


def first_in_order(
    base: sqlite3.Connection, groups: Groups | None, numbers: Numbers, order: Order, limit: int
) -> list[Found]:
    """The first alerts that match. ``groups``: None for all."""
    index = _nearer(base, numbers.cheap, order)
    if (found := _walk(base, _source(order, index, groups, numbers.cheap), numbers, limit)) is not None:
        return found
    if numbers.known is not None:
        return first_of_numbers(base, groups, numbers, order)[:limit]
    fewest = min(numbers.costly, key=lambda clause: _count(base, clause))
    others = numbers._replace(costly=[clause for clause in numbers.costly if clause is not fewest])
    source = _source(order, "alerts_number", groups, [fewest, *numbers.cheap])
    return _walk(base, source, others, limit, bounded=False) or []


def first_of_numbers(base: sqlite3.Connection, groups: Groups | None, numbers: Numbers, order: Order) -> list[Found]:
    """All that match of the alerts whose numbers are known, in their order."""
    rows = of_numbers(base, groups, numbers.known or (), (numbers.cheap, numbers.costly), order.columns)
    group_of = {row[-2]: row[-1] for row in rows}
    places = behind((place_of(row[:-2], row[-2]) for row in rows), order)
    return [(place, group_of[place[1]]) for place in places]


def first_of_groups(base: sqlite3.Connection, groups: Groups, order: Order, limit: int) -> list[Place]:
    """The first alerts of some groups. The first one of each group shows which groups can have one of the first: no
    more than there are rows wanted.
    """
    condition, parameters = order.behind
    best = f"(SELECT a.number FROM alerts a WHERE a.of_group = one.value AND {condition} {order.words} LIMIT 1)"  # noqa: S608 - our own names, here and below
    chosen = f"SELECT a.of_group FROM (SELECT {best} AS best FROM json_each(?) AS one) JOIN alerts a ON a.number = best"  # noqa: S608
    several = json.dumps(list(groups))
    having = [row[0] for row in tuples(base, f"{chosen} {order.words} LIMIT ?", (*parameters, several, limit))]
    rows = f"SELECT {order.columns}, a.number FROM alerts a WHERE a.of_group = ? AND {condition} {order.words} LIMIT ?"  # noqa: S608
    found = [place_of(row[:-1], row[-1]) for group in having for row in tuples(base, rows, (group, *parameters, limit))]
    return sorted(found, reverse=order.backwards)[:limit]


def _walk(
    base: sqlite3.Connection, source: _Source, numbers: Numbers, limit: int, *, bounded: bool = True
) -> list[Found] | None:
    """The first rows of a source that match; None where ``bounded`` and they are not among the first steps."""
    found: list[Found] = []
    size, steps, tested = limit, 0, 0
    cursor = tuples(base, source.query, source.parameters)
    while chunk := cursor.fetchmany(size):
        rows = chunk if numbers.known is None else [row for row in chunk if row[-2] in numbers.known]
        found += [(place_of(row[:-2], row[-2]), row[-1]) for row in passing(base, numbers.costly, rows)]
        if len(found) >= limit:
            return found[:limit]
        steps, tested = steps + len(chunk), tested + len(rows)
        size = min((limit - len(found)) * (steps + 1) // (len(found) + 1) + 1, TESTED)  # as many as will be needed
        if bounded and ((numbers.known is not None and steps > STEPS) or (numbers.costly and tested > TESTED)):
            return None
    return found


def _source(order: Order, index: str, groups: Groups | None, clauses: Sequence[Clause]) -> _Source:
    """What clauses leave of an index, in an order."""
    condition, values = order.behind
    tests, theirs = conditions_of(groups, clauses)
    query = (
        f"SELECT {order.columns}, a.number, a.of_group FROM alerts a INDEXED BY {index}"  # noqa: S608
        f" WHERE {condition} AND {tests} {order.words}"
    )
    return _Source(query, [*values, *theirs])


def _nearer(base: sqlite3.Connection, clauses: Sequence[Clause], order: Order) -> str:
    """The index to follow. Alerts of some time may be far from the beginning of the order they were opened in: where
    fewer of them are than stand before the first, they are read whole and sorted.
    """
    by_time = next((clause for clause in clauses if clause.index_name == SORTS["last"].index_name), None)
    if by_time is None or order.sort is not SORTS["opened"]:
        return order.sort.index_name
    (last,) = base.execute("SELECT coalesce(max(number), 0) FROM alerts").fetchone()
    sample = range(1, last + 1, max(1, last // SAMPLES))
    having = [row[-2] for row in of_numbers(base, None, sample, ([by_time], ()), "a.last")]
    before = (last - max(having) if order.backwards else min(having)) if having else last
    share = len(having) / max(1, len(sample))
    return by_time.index_name if share * last * SORTED < before else order.sort.index_name


def _count(base: sqlite3.Connection, clause: Clause) -> int:
    wanted = f"SELECT count(*) FROM ({clause.numbers})"  # noqa: S608
    return int(base.execute(wanted, clause.parameters).fetchone()[0])
