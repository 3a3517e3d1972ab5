"""The first alerts of a list by any of its orders, how many there are of each group, and whether these are all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sensor.views.alert_groups import Groups
from sensor.views.alert_order import Order, Place, behind, count_of_many, few_of, first_of_groups, first_of_many, of_few
from sensor.views.clauses import Clause
from sensor.views.errors import Malformed
from sensor.views.page import After

First = tuple[list[Place], Counter[int], bool]


class Chosen(NamedTuple):
    """What a filter leaves: of all groups those that fit, and the clauses beyond."""

    base: sqlite3.Connection
    groups: Groups
    fitting: Counter[int]
    clauses: Sequence[Clause]


def first_by_column(chosen: Chosen, order: Order, limit: int) -> First:
    """By one column."""
    if not chosen.clauses:
        return first_of_groups(chosen.base, chosen.fitting, order, limit), chosen.fitting, True
    few = few_of(chosen.base, chosen.fitting, chosen.clauses)
    if few is not None:
        places, counts = of_few(chosen.base, chosen.fitting, few, chosen.clauses, order.column, lambda value, _: value)
        return behind(places, order)[:limit], counts, few.exact
    first = first_of_many(chosen.base, chosen.fitting, chosen.clauses, order, limit)
    return first, *count_of_many(chosen.base, chosen.fitting, chosen.clauses)


def first_by_severity(chosen: Chosen, after: After | None, backwards: bool, limit: int) -> First:
    """Severity after severity, within each by time. The place of a row is both."""
    severity, last = _place(after)
    few = few_of(chosen.base, chosen.fitting, chosen.clauses) if chosen.clauses else None
    if few is not None:
        places, counts = of_few(
            chosen.base,
            chosen.fitting,
            few,
            chosen.clauses,
            "last",
            lambda value, group: [chosen.groups[group][0].severity, value],
        )
        return behind(places, Order("", backwards, after))[:limit], counts, few.exact
    first: list[Place] = []
    for level in range(4, -1, -1) if backwards else range(5):
        passed = severity is not None and (level > severity if backwards else level < severity)
        if len(first) < limit and not passed:
            begin = After("", last, after.number) if after is not None and level == severity else None
            here = _of_level(chosen, level, Order("last", backwards, begin), limit - len(first))
            first += [([level, value], number) for value, number in here]
    if not chosen.clauses:
        return first, chosen.fitting, True
    return first, *count_of_many(chosen.base, chosen.fitting, chosen.clauses)


def _of_level(chosen: Chosen, level: int, order: Order, limit: int) -> list[Place]:
    groups = Counter(
        {number: count for number, count in chosen.fitting.items() if chosen.groups[number][0].severity == level}
    )
    if not groups:
        return []
    if not chosen.clauses:
        return first_of_groups(chosen.base, groups, order, limit)
    return first_of_many(chosen.base, groups, chosen.clauses, order, limit)


def _place(after: After | None) -> tuple[int | None, int]:
    """Severity and time of the row that a cursor names."""
    if after is None:
        return None, 0
    if not isinstance(after.value, list) or len(after.value) != 2:
        raise Malformed("cursor", str(after.value)[:40], "one that an earlier page gave")
    return after.value[0], after.value[1]
