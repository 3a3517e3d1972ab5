"""The first alerts in an order, found without inspecting all of them.

The order is followed until enough alerts are found; if they are not found within a limited number of steps, all matches
of a clause are inspected. Each step reads one index with all columns that the order needs. If only groups restrict the
list, the first alerts are among the first of each group.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from sensor.inventory.store.schema_parties import BLOCK
from sensor.views.alert_numbers import AlertNumbers, Groups, conditions_of, of_numbers, passing, tuples, untested
from sensor.views.alert_order import OF_LEVEL, SORTS, Order, Place, behind, place_of
from sensor.views.clauses import Clause

# Limits on the steps of a walk, on those whose test needs other tables, and on those that determine whether a text is
# frequent.
STEPS, TESTED, TRIED = 150_000, 10_000, 400

# A place and its group.
Found = tuple[Place, int]


class _Source(NamedTuple):
    """Rows to follow, as SQL with its parameters: columns of the order, number, group."""

    query: str
    parameters: list[object]


def first_in_order(
    base: sqlite3.Connection, groups: Groups | None, numbers: AlertNumbers, order: Order, limit: int
) -> list[Found]:
    """The first matches. ``groups``: None for all."""
    source = _source(order, order.sort.index_name, groups, numbers.cheap)
    if (found := _walk(base, source, numbers, limit)) is not None:
        return found
    if numbers.known is not None:
        return first_of_numbers(base, groups, numbers, order)[:limit]
    fewest = min(numbers.costly, key=lambda clause: _count(base, clause))
    others = numbers._replace(costly=[clause for clause in numbers.costly if clause is not fewest])
    source = _source(order, "alerts_number", groups, [fewest, *numbers.cheap])
    return _walk(base, source, others, limit, bound=None) or []


def first_of_frequent(
    base: sqlite3.Connection, groups: Groups | None, clauses: Sequence[Clause], order: Order, limit: int
) -> list[Found] | None:
    """The first matches; None if they are not among the first alerts that are tested."""
    numbers = untested(clauses)
    source = _source(order, order.sort.index_name, groups, numbers.cheap)
    return _walk(base, source, numbers, limit, bound=TRIED)


def first_of_numbers(
    base: sqlite3.Connection, groups: Groups | None, numbers: AlertNumbers, order: Order
) -> list[Found]:
    """All matches among alerts with known numbers, in order."""
    rows = of_numbers(base, groups, numbers.known or (), (numbers.cheap, numbers.costly), order.columns)
    group_of = {row[-2]: row[-1] for row in rows}
    places = behind((place_of(row[:-2], row[-2]) for row in rows), order)
    return [(place, group_of[place[1]]) for place in places]


def first_of_groups(base: sqlite3.Connection, groups: Groups, order: Order, limit: int) -> list[Place]:
    """The first alerts of some groups. The first alert of each group shows which groups can contribute: no more groups
    than rows wanted.
    """
    condition, parameters = order.behind
    best = f"(SELECT a.number FROM alerts a WHERE a.of_group = one.value AND {condition} {order.order_by} LIMIT 1)"  # noqa: S608 - our own names, here and below
    chosen = f"SELECT a.of_group FROM (SELECT {best} AS best FROM json_each(?) AS one) JOIN alerts a ON a.number = best"  # noqa: S608
    several = json.dumps(list(groups))
    having = [row[0] for row in tuples(base, f"{chosen} {order.order_by} LIMIT ?", (*parameters, several, limit))]
    rows = (
        f"SELECT {order.columns}, a.number FROM alerts a WHERE a.of_group = ? AND {condition} {order.order_by} LIMIT ?"  # noqa: S608
    )
    found = [place_of(row[:-1], row[-1]) for group in having for row in tuples(base, rows, (group, *parameters, limit))]
    return sorted(found, reverse=order.backwards)[:limit]


def _walk(
    base: sqlite3.Connection, source: _Source, numbers: AlertNumbers, limit: int, *, bound: int | None = 0
) -> list[Found] | None:
    """The first matching rows of a source; None if they are not found within the first steps. ``bound``: limit on tests
    that need other tables, 0 for TESTED, None for any number of steps.
    """
    found: list[Found] = []
    most, size, steps, tested = bound or TESTED, limit, 0, 0
    cursor = tuples(base, source.query, source.parameters)
    while chunk := cursor.fetchmany(size):
        rows = chunk if numbers.known is None else [row for row in chunk if row[-2] in numbers.known]
        found += [(place_of(row[:-2], row[-2]), row[-1]) for row in passing(base, numbers.costly, rows)]
        if len(found) >= limit:
            return found[:limit]
        steps, tested = steps + len(chunk), tested + len(rows)
        if bound is not None and ((numbers.known is not None and steps > STEPS) or (numbers.costly and tested >= most)):
            return None
        # As many as will be needed, estimated from few.
        wanted = min((limit - len(found)) * (steps + 1) // (len(found) + 1) + 1, 2 * steps)
        size = min(wanted, most - tested) if numbers.costly and bound is not None else min(wanted, TESTED)
    return found


def _source(order: Order, index: str, groups: Groups | None, clauses: Sequence[Clause]) -> _Source:
    """The matches of clauses in an index, in an order."""
    condition, values = order.behind
    tests, theirs = conditions_of(groups, clauses)
    if index == OF_LEVEL.index_name:
        tests, theirs = f"{tests} AND a.severity = ?", [*theirs, order.level]
    by_time = next((clause for clause in clauses if clause.spans), None)
    if by_time is None or order.sort is not SORTS["opened"]:
        table, order_by = "alerts a", order.order_by
    else:
        # For a time range: only blocks that have such alerts, each in the same order.
        table = f"alert_spans s CROSS JOIN alerts a INDEXED BY {index}"
        tests += f" AND {by_time.spans} AND a.number BETWEEN s.block * {BLOCK} AND s.block * {BLOCK} + {BLOCK - 1}"
        theirs += by_time.parameters
        order_by = order.order_by.replace(
            "ORDER BY", "ORDER BY s.block DESC," if order.backwards else "ORDER BY s.block,"
        )
    table = table if "INDEXED" in table else f"{table} INDEXED BY {index}"
    query = f"SELECT {order.columns}, a.number, a.of_group FROM {table} WHERE {condition} AND {tests} {order_by}"  # noqa: S608
    return _Source(query, [*values, *theirs])


def _count(base: sqlite3.Connection, clause: Clause) -> int:
    wanted = f"SELECT count(*) FROM ({clause.numbers})"  # noqa: S608
    return int(base.execute(wanted, clause.parameters).fetchone()[0])
