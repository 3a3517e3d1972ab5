"""Incidents and recommendations as of a time: the last record of each until then, from the timeline."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.dataset import Data
from sensor.views.errors import one_of
from sensor.views.listing import contains
from sensor.views.severity_levels import levels_of
from sensor.views.stories import STATES

TABLES = ("incidents", "recommendations")


class PastFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``: words that must all occur; ``severity``: at least; several states match any of them."""

    text: str = ""
    severity: str = ""
    state: tuple[str, ...] = ()


class PastRow(msgspec.Struct, frozen=True):
    """Times in ns; ``last``: of the record that was valid then."""

    id: str
    state: str
    severity: str
    first: int
    last: int
    summary: str


class Change(NamedTuple):
    """What differs between two times. ``what``: new, gone, closed, reopened or changed."""

    what: str
    before: PastRow | None
    after: PastRow | None


def begin_of(data: Data) -> int | None:
    """The time of the first record, ns; None if there is none. Earlier states are unknown."""
    found = data.base.execute("SELECT min(ts) FROM timeline").fetchone()[0]
    return int(found) if found is not None else None


def rows_at(data: Data, table: str, at: int) -> list[PastRow]:
    """Each incident or recommendation as of a time (ns), most severe and newest first."""
    one_of("table", [table], TABLES)
    query = (
        f"SELECT id, timeline.action, timeline.severity, {table}.first, timeline.ts, timeline.summary FROM {table} "  # noqa: S608 - names from the line above
        "JOIN timeline ON timeline.seq = (SELECT seq FROM timeline WHERE about = id AND about != '' AND ts <= ? "
        "ORDER BY ts DESC, seq DESC LIMIT 1) ORDER BY timeline.severity DESC, timeline.ts DESC, id"
    )
    return [
        PastRow(str(row[0]), "closed" if row[1] == "close" else "open", SEVERITIES[row[2]], row[3], row[4], str(row[5]))
        for row in data.base.execute(query, (at,))
    ]


def fitting(rows: Sequence[PastRow], wanted: PastFilter, states: Sequence[str] = STATES) -> list[PastRow]:
    """Rows that match a filter. ``states``: those that exist. Raises Unknown."""
    one_of("state", wanted.state, states)
    levels = levels_of(wanted.severity)
    return [
        row
        for row in rows
        if SEVERITIES.index(row.severity) in levels
        and (not wanted.state or row.state in wanted.state)
        and (not wanted.text or contains(wanted.text, (row.id, row.summary)))
    ]


def changes_of(before: Sequence[PastRow], after: Sequence[PastRow], shown: Container[str]) -> list[Change]:
    """What differs, in the order of the later rows, then those that are gone. Both are complete lists: a row that no
    longer matches a filter is not gone. ``shown``: ids.
    """
    old: Mapping[str, PastRow] = {row.id: row for row in before}
    there = {row.id for row in after}
    found = [
        Change(what, old.get(row.id), row) for row in after if row.id in shown and (what := _what(old.get(row.id), row))
    ]
    return found + [Change("gone", row, None) for row in before if row.id in shown and row.id not in there]


def _what(old: PastRow | None, new: PastRow) -> str:
    if old is None:
        return "new"
    if old.state != new.state:
        return "closed" if new.state == "closed" else "reopened" if old.state == "closed" else "changed"
    return "changed" if (old.severity, old.summary) != (new.severity, new.summary) else ""
