"""Incidents and recommendations: lists by state and severity, the most severe and newest first."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.dataset import Data
from sensor.views.errors import one_of
from sensor.views.page import Facets, Page, PageStart, after_of, cursor_of, limit_of, mark_of
from sensor.views.severity_levels import levels_of

STATES = ("open", "closed")
SORTS = ("last", "severity")


class StoryFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``severity``: at least; ``text`` occurs in the summary, ignoring case; times in ns, of the last occurrence;
    ``setting`` and ``device`` (of recommendations): which setting of which device.
    """

    text: str = ""
    state: tuple[str, ...] = ()
    severity: str = ""
    setting: tuple[str, ...] = ()
    device: str = ""
    since: int | None = None
    until: int | None = None


EVERY_STORY = StoryFilter()
_COLUMNS = "id, state, severity, first, last, summary, record"
# An incident is also closed once the operator closed all of its alerts: until none followed for some time, its last
# record still calls it open. One with alerts that are not stored stays open.
_SOURCES = {
    "recommendations": "(SELECT rowid AS number, * FROM recommendations)",
    "incidents": """(
    SELECT incidents.rowid AS number, id, iif(state = 'open' AND id IN (SELECT incident FROM incident_alerts)
    AND id NOT IN (
        SELECT incident FROM incident_alerts LEFT JOIN alerts ON alerts.id = alert
        LEFT JOIN alert_groups ON alert_groups.number = of_group WHERE alert_groups.state IS NOT 'closed'
    ) AND ifnull(json_extract(record, '$.incident.left_out'), 0) = 0, 'closed', state) AS state,
    severity, first, last, summary, record FROM incidents
)""",
}


class StoryRow(msgspec.Struct, frozen=True):
    """An incident or a recommendation. Times in ns; ``record``: its last record."""

    id: str
    state: str
    severity: str
    first: int
    last: int
    summary: str
    record: dict[str, Any]


def incidents(
    data: Data, wanted: StoryFilter = EVERY_STORY, sort: str = "last", *, limit: int = 50, cursor: str = ""
) -> Page[StoryRow]:
    """A page of incidents. Raises Unknown or Malformed for invalid arguments."""
    return _page(data, "incidents", wanted, sort, limit, cursor)


def recommendations(
    data: Data, wanted: StoryFilter = EVERY_STORY, sort: str = "severity", *, limit: int = 50, cursor: str = ""
) -> Page[StoryRow]:
    """A page of recommendations. Raises Unknown or Malformed for invalid arguments."""
    return _page(data, "recommendations", wanted, sort, limit, cursor)


def incident(data: Data, name: str) -> StoryRow:
    """One incident by its id or a prefix of it. Raises Unknown, Ambiguous."""
    found = data.resolve("incidents", name)
    row = data.base.execute(
        f"SELECT {_COLUMNS} FROM {_SOURCES['incidents']} WHERE id = ?",  # noqa: S608 - our own words
        (found,),
    ).fetchone()
    return _row(tuple(row))


def _page(data: Data, table: str, wanted: StoryFilter, sort: str, limit: int, cursor: str) -> Page[StoryRow]:
    one_of("sort", [sort], SORTS)
    _check_settings(data, wanted.setting)
    mark = mark_of(table, wanted, sort)
    after = after_of(cursor, mark)
    test, parameters = _test(table, wanted)
    facets, total = _facets(data, table, test, parameters)
    value = "last" if sort == "last" else "printf('%d %020d', severity, last)"
    behind, place = (f"AND ({value}, number) < (?, ?)", (after.value, after.number)) if after is not None else ("", ())
    # S608: words of this module only; values are parameters
    chosen = f"SELECT {value}, number, {_COLUMNS} FROM {_SOURCES[table]} WHERE {test} {behind}"  # noqa: S608
    ordered = f"{chosen} ORDER BY 1 DESC, number DESC LIMIT ?"
    rows = data.base.execute(ordered, (*parameters, *place, limit_of(limit) + 1)).fetchall()
    more = cursor_of(PageStart(mark, rows[limit - 1][0], rows[limit - 1][1])) if len(rows) > limit else ""
    return Page([_row(tuple(row)[2:]) for row in rows[:limit]], total, True, facets, more)


def _check_settings(data: Data, wanted: tuple[str, ...]) -> None:
    """Raises Unknown for a setting that this version does not check, and for which no recommendation is stored."""
    if not wanted:
        return
    from sensor.posture.recommendations.knowledge import load_advice  # most lists need none of it

    known = load_advice()
    if unknown := [name for name in wanted if name not in known]:
        present = (row[0] for row in data.base.execute("SELECT DISTINCT setting FROM recommendations"))
        one_of("setting", unknown, {*known, *present})


def _test(table: str, wanted: StoryFilter) -> tuple[str, list[object]]:
    one_of("state", wanted.state, STATES)
    levels = levels_of(wanted.severity)
    tests, parameters = ["severity BETWEEN ? AND ?"], [levels[0], levels[-1]]
    pairs: list[tuple[str, Any]] = [
        ("last >= ?", wanted.since),
        ("last < ?", wanted.until),
        ("state = ?", wanted.state[0] if len(wanted.state) == 1 else None),
    ]
    pairs.append(("instr(lower(summary), lower(?)) > 0", wanted.text or None))
    if table == "recommendations":
        pairs += [
            ("device = ?", wanted.device or None),
            (
                "setting IN (SELECT value FROM json_each(?))",
                msgspec.json.encode(wanted.setting).decode() if wanted.setting else None,
            ),
        ]
    for test, value in pairs:
        if value is not None:
            tests.append(test)
            parameters.append(value)
    return " AND ".join(tests), list(parameters)


def _facets(data: Data, table: str, test: str, parameters: list[object]) -> tuple[Facets, int]:
    states: Counter[str] = Counter()
    severities: Counter[str] = Counter()
    grouped = f"SELECT state, severity, count(*) FROM {_SOURCES[table]} WHERE {test} GROUP BY 1, 2"  # noqa: S608
    for state, severity, count in data.base.execute(grouped, parameters):
        states[state] += count
        severities[SEVERITIES[severity]] += count
    return {"state": dict(states.most_common()), "severity": dict(severities.most_common())}, states.total()


def _row(row: tuple[Any, ...]) -> StoryRow:
    values: tuple[Any, ...] = (*row[:2], SEVERITIES[row[2]], *row[3:6], msgspec.json.decode(row[6]))
    return StoryRow(*values)
