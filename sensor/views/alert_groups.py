"""Groups of alerts: all alerts with the same state, severity, detector, verdict, assignee and site, and their number.
Totals and facets are sums over groups.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from functools import partial
from typing import Any, NamedTuple

from sensor.core.severities import SEVERITIES
from sensor.views.page import Facets

NOBODY, NONE = "nobody", "none"
"""Names of the empty assignee and the empty verdict."""

_EMPTY = {"verdict": NONE, "assignee": NOBODY}


class Group(NamedTuple):
    """``severity``: 0 to 4."""

    state: str
    severity: int
    detector: str
    verdict: str
    assignee: str
    site: str


FACETS = Group._fields
# Like Group._make, without calling a Python function: there may be some thousand.
_group = partial(tuple.__new__, Group)


def named(field: str, value: Any) -> str:
    """The display name of a field's value."""
    return SEVERITIES[value] if field == "severity" else str(value) or _EMPTY.get(field, "")


Groups = dict[int, tuple[Group, int]]


def groups_of(base: sqlite3.Connection) -> Groups:
    """All groups that have alerts, with their number."""
    wanted = (
        "SELECT number, alerts, state, severity, detector, verdict, assignee, site FROM alert_groups WHERE alerts > 0"
    )
    cursor = base.cursor()
    cursor.row_factory = None
    return {row[0]: (_group(row[2:]), row[1]) for row in cursor.execute(wanted)}


def number_of_alerts(base: sqlite3.Connection) -> int:
    """The number of all alerts."""
    return int(base.execute("SELECT coalesce(sum(alerts), 0) FROM alert_groups").fetchone()[0])


def facets_of(groups: Groups, counts: Counter[int]) -> Facets:
    """Number of alerts by value of each field, the most frequent first."""
    facets: Facets = {}
    columns = zip(*(groups[number][0] for number in counts), strict=True) if counts else [()] * len(FACETS)
    for name, column in zip(FACETS, columns, strict=True):
        values: Counter[object] = Counter()
        for value, count in zip(column, counts.values(), strict=True):
            values[value] += count
        facets[name] = {named(name, value): count for value, count in values.most_common()}
    return facets
