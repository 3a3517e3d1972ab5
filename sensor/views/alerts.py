"""Alerts: lists with any filter and sort order, and a single alert with its notes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from sensor.core.collection import no_collection
from sensor.core.foreign import part
from sensor.core.severities import SEVERITIES
from sensor.views import alert_order
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter, groups_that_fit
from sensor.views.alert_first import Chosen, first_by_column, first_by_severity
from sensor.views.alert_groups import facets_of, groups_of
from sensor.views.alert_order import Order
from sensor.views.clauses import SOURCE, TARGET, Clause, text_clause, time_clause, vlan_clause, who_clause
from sensor.views.dataset import Data
from sensor.views.errors import one_of
from sensor.views.page import Page, PageStart, after_of, cursor_of, limit_of, mark_of

SORTS = (*alert_order.SORTS, "severity")


class AlertRow(msgspec.Struct, frozen=True):
    """An alert as lists show it. Times in ns; ``record``: the last record of it; ``verdict`` and ``assignee`` may be
    empty.
    """

    id: str
    state: str
    severity: str
    detector: str
    title: str
    risk: int
    count: int
    first: int
    last: int
    verdict: str
    assignee: str
    site: str
    summary: str
    record: dict[str, Any]


class AlertNote(msgspec.Struct, frozen=True):
    """An operator's note on an alert. ``ts``: ns."""

    ts: int
    author: str
    action: str
    value: str
    text: str


class AlertDetails(msgspec.Struct, frozen=True):
    """One alert, its notes in order, and the incidents it is part of."""

    alert: AlertRow
    notes: list[AlertNote]
    incidents: list[str]


_ROW = """
SELECT alerts.id, state, alerts.severity, detector, title, risk, count, first, last, verdict, assignee, site, summary,
record
FROM json_each(?) AS one JOIN alerts ON alerts.number = one.value JOIN alert_groups ON alert_groups.number = of_group
JOIN alert_records ON alert_records.number = alerts.number ORDER BY one.key
"""


def alerts(
    data: Data,
    wanted: AlertFilter = EVERY_ALERT,
    sort: str = "last",
    *,
    backwards: bool = True,
    limit: int = 50,
    cursor: str = "",
) -> Page[AlertRow]:
    """A page of alerts. ``sort``: one of SORTS, newest or highest first unless ``backwards`` is false. Raises Unknown
    or Malformed for invalid arguments.
    """
    one_of("sort", [sort], SORTS)
    with no_collection():  # some thousand groups and numbers are created, and freed at the end
        return _page(data, wanted, sort, backwards, limit, cursor)


def _page(data: Data, wanted: AlertFilter, sort: str, backwards: bool, limit: int, cursor: str) -> Page[AlertRow]:
    mark = mark_of(wanted, sort, backwards)
    after, groups = after_of(cursor, mark), groups_of(data.base)
    chosen = Chosen(data.base, groups, groups_that_fit(groups, wanted), clauses_of(wanted))
    most = limit_of(limit) + 1
    if sort == "severity":
        first, counts, exact = first_by_severity(chosen, after, backwards, most)
    else:
        first, counts, exact = first_by_column(chosen, Order(alert_order.SORTS[sort], backwards, after), most)
    rows = _rows(data, [number for _, number in first[:limit]])
    more = cursor_of(PageStart(mark, *first[limit - 1])) if len(first) > limit else ""
    return Page(rows, counts.total(), exact, facets_of(groups, counts), more)


def alert(data: Data, name: str) -> AlertDetails:
    """One alert by its id or a prefix of it. Raises Unknown, Ambiguous."""
    found = data.resolve("alerts", name)
    (number,) = data.base.execute("SELECT number FROM alerts WHERE id = ?", (found,)).fetchone()
    notes = data.base.execute(
        "SELECT ts, author, action, value, text FROM alert_words WHERE alert = ? ORDER BY number", (found,)
    ).fetchall()
    incidents = data.base.execute(
        "SELECT incident FROM incident_alerts WHERE alert = ? ORDER BY incident", (found,)
    ).fetchall()
    return AlertDetails(_rows(data, [number])[0], [AlertNote(*row) for row in notes], [row[0] for row in incidents])


def records(data: Data, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The last records of alerts by their ids, in one search; unknown ones are absent."""
    wanted = (
        "SELECT alerts.id, record FROM json_each(?) AS one JOIN alerts ON alerts.id = one.value "
        "JOIN alert_records ON alert_records.number = alerts.number"
    )
    return {row[0]: msgspec.json.decode(row[1]) for row in data.base.execute(wanted, (json.dumps(list(names)),))}


def closers(data: Data, rows: Iterable[AlertRow]) -> dict[str, AlertNote]:
    """Alert id → the note by which an operator last closed it."""
    closed = [row.id for row in rows if row.state == "closed"]
    wanted = (
        "SELECT alert, ts, author, action, value, text FROM alert_words"
        " WHERE action = 'close' AND alert IN (SELECT value FROM json_each(?)) ORDER BY number"
    )
    return {row[0]: AlertNote(*tuple(row)[1:]) for row in data.base.execute(wanted, (json.dumps(closed),))}


def with_state(record: dict[str, Any], state: str, closer: tuple[str, str] | None = None) -> dict[str, Any]:
    """The record of an alert with the operator's state: closed with author and reason, or open again."""
    alert, action = part(record, "alert"), record.get("action")
    if state != "closed":
        alert.pop("closed", None)
        return record | {"action": "update" if action == "close" else action}
    if closer is not None and "closed" not in alert:
        alert["closed"] = {"by": closer[0]} | ({"reason": closer[1]} if closer[1] else {})
    return record | {"action": "close"}


def clauses_of(wanted: AlertFilter) -> list[Clause]:
    """The conditions of a filter beyond groups."""
    found = [text_clause(wanted.text) if wanted.text else None, time_clause(wanted.since, wanted.until)]
    found += [
        who_clause(end, role) if end else None
        for end, role in ((wanted.source, SOURCE), (wanted.target, TARGET), (wanted.device, None))
    ]
    found += [vlan_clause(wanted.vlan)] if wanted.vlan is not None else []
    return [clause for clause in found if clause is not None]


def _rows(data: Data, numbers: list[int]) -> list[AlertRow]:
    return [_row(tuple(row)) for row in data.base.execute(_ROW, (json.dumps(numbers),))]


def _row(row: tuple[Any, ...]) -> AlertRow:
    values: tuple[Any, ...] = (*row[:2], SEVERITIES[row[2]], *row[3:13], msgspec.json.decode(row[13]))
    return AlertRow(*values)
