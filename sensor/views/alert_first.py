"""The first alerts of a list in any of its orders, the number of matches in each group, and whether these are all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from sensor.views.alert_groups import Groups
from sensor.views.alert_numbers import (
    AlertNumbers,
    count_of_cheap,
    counts_of,
    is_frequent,
    numbers_of,
    of_numbers,
    untested,
    with_newest,
)
from sensor.views.alert_order import OF_LEVEL, SORTS, Order, Place, behind, place_of, values_of
from sensor.views.alert_walk import Found, first_in_order, first_of_frequent, first_of_groups
from sensor.views.clauses import Clause
from sensor.views.page import PageStart

First = tuple[list[Place], Counter[int], bool]
# Finds the first alerts of some groups in an order, up to a limit; returns None if they are not found.
Find = Callable[[Counter[int], Order, int], list[Found] | None]


class Chosen(NamedTuple):
    """The matches of a filter: all groups, those that match, and further clauses."""

    base: sqlite3.Connection
    groups: Groups
    fitting: Counter[int]
    clauses: Sequence[Clause]

    @property
    def walked(self) -> Counter[int] | None:
        """The groups that a walk tests; None if all match."""
        return None if len(self.fitting) == len(self.groups) else self.fitting


def first_by_column(chosen: Chosen, order: Order, limit: int) -> First:
    """Ordered by columns of the table."""
    if not chosen.clauses:
        return _of_groups(chosen, chosen.fitting, order, limit), chosen.fitting, True
    if _is_frequent_text(chosen):
        frequent = first_of_frequent(chosen.base, chosen.walked, chosen.clauses, order, limit)
        if frequent is not None and len(frequent) == limit:
            return [place for place, _ in frequent], *_counts_of_text(chosen, frequent)
    numbers = numbers_of(chosen.base, chosen.fitting, chosen.clauses)
    if numbers.few:
        rows = _all_of(chosen, numbers, order.columns)
        places = [place_of(row[:-2], row[-2]) for row in rows]
        return behind(places, order)[:limit], Counter(row[-1] for row in rows), True
    found = first_in_order(chosen.base, chosen.walked, numbers, order, limit)
    return [place for place, _ in found], *_counts(chosen, numbers, found)


def first_by_severity(chosen: Chosen, after: PageStart | None, backwards: bool, limit: int) -> First:
    """Severity by severity, within each by time. The place of a row has both."""
    if _is_frequent_text(chosen):
        frequent = _by_levels(chosen, after, backwards, limit, partial(_frequent_of_level, chosen))
        if frequent is not None and len(frequent) == limit:
            return [place for place, _ in frequent], *_counts_of_text(chosen, frequent)
    numbers = numbers_of(chosen.base, chosen.fitting, chosen.clauses)
    if numbers.few:
        rows = _all_of(chosen, numbers, "a.last")
        places = [([chosen.groups[group][0].severity, last], number) for last, number, group in rows]
        return behind(places, Order(SORTS["last"], backwards, after))[:limit], Counter(row[-1] for row in rows), True
    found = _by_levels(chosen, after, backwards, limit, partial(_of_level, chosen, numbers)) or []
    first = [place for place, _ in found]
    return (first, *_counts(chosen, numbers, found)) if chosen.clauses else (first, chosen.fitting, True)


def _by_levels(chosen: Chosen, after: PageStart | None, backwards: bool, limit: int, find: Find) -> list[Found] | None:
    """Severity by severity; None if the alerts of one are not found."""
    severity, last = values_of(after, 2) if after is not None else (None, 0)
    found: list[Found] = []
    for level in range(4, -1, -1) if backwards else range(5):
        passed = severity is not None and (level > severity if backwards else level < severity)
        fitting = chosen.fitting.items()
        groups = Counter({number: count for number, count in fitting if chosen.groups[number][0].severity == level})
        if passed or not groups or len(found) >= limit:
            continue
        begin = PageStart("", last, after.number) if after is not None and level == severity else None
        here = find(groups, Order(OF_LEVEL, backwards, begin, level), limit - len(found))
        if here is None:
            return None
        found += [(([level, value], number), group) for (value, number), group in here]
    return found


def _of_level(chosen: Chosen, numbers: AlertNumbers, groups: Counter[int], order: Order, limit: int) -> list[Found]:
    if not chosen.clauses:
        return [(place, 0) for place in _of_groups(chosen, groups, order, limit)]
    return first_in_order(chosen.base, groups, numbers, order, limit)


def _frequent_of_level(chosen: Chosen, groups: Counter[int], order: Order, limit: int) -> list[Found] | None:
    return first_of_frequent(chosen.base, groups, chosen.clauses, order, limit)


def _of_groups(chosen: Chosen, groups: Counter[int], order: Order, limit: int) -> list[Place]:
    """Without clauses."""
    if len(groups) == len(chosen.groups):
        return [place for place, _ in first_in_order(chosen.base, None, AlertNumbers(None, None, [], []), order, limit)]
    return first_of_groups(chosen.base, groups, order, limit)


def _all_of(chosen: Chosen, numbers: AlertNumbers, columns: str) -> list[tuple[Any, ...]]:
    """All matches among a few numbers."""
    return of_numbers(chosen.base, chosen.fitting, numbers.known or (), (numbers.cheap, numbers.costly), columns)


def _is_frequent_text(chosen: Chosen) -> bool:
    """Whether a text is the only condition that needs other tables, and many alerts may match it. Counting the matches
    of a word prefix takes longer than trying.
    """
    costly = [clause for clause in chosen.clauses if not clause.cheap]
    if len(costly) != 1 or not costly[0].match:
        return False
    return "*" in costly[0].match or is_frequent(chosen.base, costly[0])


def _counts_of_text(chosen: Chosen, found: list[Found]) -> tuple[Counter[int], bool]:
    """The counts if the first alerts were found before anything was counted."""
    return _counts(chosen, with_newest(chosen.base, untested(chosen.clauses)), found)


def _counts(chosen: Chosen, numbers: AlertNumbers, found: list[Found]) -> tuple[Counter[int], bool]:
    """The minimum number of matches by group, and whether these are all: of those counted, or those found."""
    if numbers.known is None and not numbers.costly:
        return count_of_cheap(chosen.base, chosen.fitting, chosen.clauses)
    counts = counts_of(chosen.base, chosen.fitting, numbers)
    return (counts if counts.total() >= len(found) else Counter(group for _, group in found)), False
