"""Alerts at an earlier time, from their states in the traffic records and the notes until then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sensor.console.history import recorded_at
from sensor.console.page_request import PageRequest
from sensor.core import moments
from sensor.core.record_parts import time_text
from sensor.core.severities import SEVERITIES
from sensor.records.asof import alert_states, alerts_at
from sensor.tables.notes import AlertState
from sensor.views.alert_filter import STATES
from sensor.views.alerts import AlertDetails, AlertNote
from sensor.views.dataset import Data
from sensor.views.errors import Malformed, NotReadable, one_of
from sensor.views.listing import contains
from sensor.views.past import PastFilter, PastRow
from sensor.views.severity_levels import levels_of

_NOTES = (
    "SELECT alert, action, value FROM alert_words WHERE ts <= ? AND alert IN (SELECT value FROM json_each(?)) "
    "ORDER BY number"
)


class PastAlert(NamedTuple):
    """``row``: the columns of ``alerts_at``."""

    row: dict[str, Any]
    state: str
    verdict: str
    assignee: str


class PastAlerts(NamedTuple):
    """``at``: ns; ``first``: start of the records, ns."""

    at: int
    first: int
    alerts: Sequence[PastAlert]


class PastDetails(NamedTuple):
    """One alert at ``at`` (ns). ``states``: its rows until then, oldest first; ``notes``: its notes until then."""

    at: int
    first: int
    alert: PastAlert
    states: Sequence[dict[str, Any]]
    notes: Sequence[AlertNote]


def alerts_of(request: PageRequest, name: str = "at") -> PastAlerts:
    """Alerts at the time in a parameter of the URL. Raises Malformed if the records begin later; NotReadable."""
    at, first, rows = recorded_at(request, alerts_at, name)
    states = _states(request.data, at, [row["alert"] for row in rows])
    return PastAlerts(at, first, [_alert(row, states.get(row["alert"], AlertState())) for row in rows])


def alert_of(request: PageRequest, details: AlertDetails) -> PastDetails:
    """One alert at the time in the URL. Raises Malformed if the alert or the records begin later; NotReadable."""
    name, began = details.alert.id, details.alert.first
    at, first, rows = recorded_at(request, lambda query, moment: alert_states(query, name, moment), "at")
    if not rows and at < began:
        raise Malformed("at", request.first("at"), f"a time after {time_text(began)[:19]}Z, when the alert began")
    if not rows:
        raise NotReadable(f"the traffic records do not contain {name} at that time: its state is unknown")
    notes, noted = [note for note in details.notes if note.ts <= at], AlertState()
    for note in notes:
        noted.apply(note.action, note.value)
    return PastDetails(at, first, _alert(rows[-1], noted), rows, notes)


def fitting(alerts: Iterable[PastAlert], wanted: PastFilter) -> list[PastAlert]:
    """Alerts that match a filter, most severe first. Raises Unknown if the filter has a value that does not exist."""
    one_of("state", wanted.state, STATES)
    levels = levels_of(wanted.severity)
    found = [
        one
        for one in alerts
        if _level(one) in levels
        and (not wanted.state or one.state in wanted.state)
        and (not wanted.text or contains(wanted.text, one.row.values()))
    ]
    return sorted(found, key=_level, reverse=True)


def rows_of(alerts: Iterable[PastAlert]) -> list[PastRow]:
    """Alerts as rows that can be compared."""
    return [
        PastRow(
            one.row["alert"], one.state, SEVERITIES[_level(one)], moments.moment_of(one.row["first"], 0),
            moments.moment_of(one.row["ts"], 0), one.row["title"] or one.row["detector"] or "",
        )
        for one in alerts
    ]  # fmt: skip


def _level(one: PastAlert) -> int:
    severity = one.row["severity"]
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def _alert(row: dict[str, Any], noted: AlertState) -> PastAlert:
    """Values that the operator set take precedence over those of the sensor."""
    state = noted.state or ("closed" if row["action"] == "close" else "open")
    return PastAlert(row, state, noted.verdict, noted.assignee)


def _states(data: Data, at: int, names: Sequence[str]) -> dict[str, AlertState]:
    found: dict[str, AlertState] = {}
    for alert, action, value in data.base.execute(_NOTES, (at, json.dumps(names))):
        found.setdefault(alert, AlertState()).apply(action, value)
    return found
