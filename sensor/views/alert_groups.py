"""Groups of alerts: all alerts of one state, severity, detector, verdict, assignee and site, and how many they are.
Totals and facets are sums of these.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from operator import attrgetter
from typing import Any

import msgspec

from sensor.tables.lines import SEVERITIES
from sensor.views.page import Facets

NOBODY, NONE = "nobody", "none"
"""Names of the empty assignee and the empty verdict."""

FACETS = ("state", "severity", "detector", "verdict", "assignee", "site")
_EMPTY = {"verdict": NONE, "assignee": NOBODY}


class Group(msgspec.Struct, frozen=True):
    """``severity``: 0 to 4."""

    state: str
    severity: int
    detector: str
    verdict: str
    assignee: str
    site: str


def named(field: str, value: Any) -> str:
    """The value of a field as people name it."""
    return SEVERITIES[value] if field == "severity" else str(value) or _EMPTY.get(field, "")


Groups = dict[int, tuple[Group, int]]


def groups_of(base: sqlite3.Connection) -> Groups:
    """All groups that have alerts, and how many."""
    wanted = (
        "SELECT number, alerts, state, severity, detector, verdict, assignee, site FROM alert_groups WHERE alerts > 0"
    )
    return {number: (Group(*rest), count) for number, count, *rest in map(tuple, base.execute(wanted))}


def facets_of(groups: Groups, counts: Counter[int]) -> Facets:
    """How many alerts there are of each value of each field, the most first."""
    facets: Facets = {}
    for name in FACETS:
        value_of, values = attrgetter(name), Counter[object]()
        for number, count in counts.items():
            values[value_of(groups[number][0])] += count
        facets[name] = {named(name, value): count for value, count in values.most_common()}
    return facets
