"""The timeline of a dataset, the findings about the sensor's own health, and a search over everything."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import AlertRow, alerts
from sensor.views.dataset import Data
from sensor.views.devices import DeviceFilter, DeviceRow, devices
from sensor.views.errors import Malformed, Unknown, one_of
from sensor.views.page import Page, PageStart, after_of, cursor_of, limit_of, mark_of
from sensor.views.severity_levels import levels_of
from sensor.views.stories import StoryFilter, StoryRow, incidents, recommendations

KINDS = ("device", "alert", "incident", "recommendation", "sensor")
# The beginning of ids → the table that has them.
_TABLES = {
    "dev": "device_rows", "alert": "alerts", "incident": "incidents", "recommendation": "recommendations",
}  # fmt: skip


class TimelineFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``about``: id of an alert, incident or recommendation, or of a device, which also has its alerts and
    recommendations; or the beginning of an id; ``severity``: at least; times in ns.
    """

    kind: tuple[str, ...] = ()
    severity: str = ""
    about: str = ""
    since: int | None = None
    until: int | None = None


EVERY_MOMENT = TimelineFilter()
# Parties of a device: alerts of earlier versions have its short id (``core.ids``).
_OF_DEVICE = """
about IN (WITH wanted (id) AS (VALUES (?)) SELECT id FROM wanted
    UNION SELECT alerts.id FROM wanted CROSS JOIN parties ON parties.device IN (wanted.id, substr(wanted.id, 1, 10))
        CROSS JOIN alert_parties ON alert_parties.party = parties.number
        CROSS JOIN alerts ON alerts.number = alert_parties.alert
    UNION SELECT recommendations.id FROM wanted JOIN recommendations ON recommendations.device = wanted.id)"""


class Moment(msgspec.Struct, frozen=True):
    """Summary of one record of the log. ``seq``: its number; ``ts``: ns."""

    seq: int
    ts: int
    kind: str
    action: str
    severity: str
    about: str
    summary: str


class Health(msgspec.Struct, frozen=True):
    """``findings``: events of the sensor about itself, newest first; ``summary``: its last figures; ``seq``,
    ``unusable``: the last record of the log in the tables, and the number of unusable lines.
    """

    findings: list[Moment]
    summary: dict[str, Any]
    seq: int
    unusable: int


class SearchHits(msgspec.Struct, frozen=True):
    """The first matches of a text and their number, by kind. ``recommendations``: None at a hub, which has none."""

    devices: Page[DeviceRow]
    alerts: Page[AlertRow]
    incidents: Page[StoryRow]
    recommendations: Page[StoryRow] | None


def timeline(data: Data, wanted: TimelineFilter = EVERY_MOMENT, *, limit: int = 100, cursor: str = "") -> Page[Moment]:
    """A page of the timeline, newest first. ``total`` counts the records on this page and before: exact on the last
    page. Raises Unknown, Malformed or Ambiguous.
    """
    one_of("kind", wanted.kind, KINDS)
    wanted = msgspec.structs.replace(wanted, about=_id_of(data, wanted.about)) if wanted.about else wanted
    mark = mark_of("timeline", wanted)
    after = after_of(cursor, mark)
    tests, parameters = _test(wanted)
    if after is not None:
        tests.append("(ts, seq) < (?, ?)")
        parameters += [after.value, after.number]
    condition = " AND ".join(tests) or "1"
    query = f"SELECT seq, ts, kind, action, severity, about, summary FROM timeline WHERE {condition} ORDER BY ts DESC, seq DESC LIMIT ?"  # noqa: S608 - our own words
    rows = [_moment(tuple(row)) for row in data.base.execute(query, (*parameters, limit_of(limit) + 1))]
    more = cursor_of(PageStart(mark, rows[limit - 1].ts, rows[limit - 1].seq)) if len(rows) > limit else ""
    return Page(rows[:limit], min(len(rows), limit), not more and after is None, {}, more)


def _id_of(data: Data, name: str) -> str:
    """The id of the entity that a filter names: one of the timeline, or one without records there."""
    if data.base.execute("SELECT 1 FROM timeline WHERE about = ? AND about != '' LIMIT 1", (name,)).fetchone():
        return name
    table = _TABLES.get(name.partition("-")[0])
    if table is None:
        raise Malformed("about", name, "the id of a device, alert, incident or recommendation")
    try:
        return data.resolve(table, name)
    except Unknown as error:
        raise Unknown("about", name, error.known) from None


def _test(wanted: TimelineFilter) -> tuple[list[str], list[Any]]:
    levels = levels_of(wanted.severity)
    pairs: list[tuple[str, Any]] = [
        ("kind IN (SELECT value FROM json_each(?))", json.dumps(wanted.kind) if wanted.kind else None),
        ("severity >= ?", levels[0] if wanted.severity else None),
        ("severity <= ?", levels[-1] if wanted.severity else None),
        (f"{_OF_DEVICE if wanted.about.startswith('dev-') else 'about = ?'} AND about != ''", wanted.about or None),
        ("ts >= ?", wanted.since),
        ("ts < ?", wanted.until),
    ]
    # ``about != ''`` is the condition of the index.
    given = [pair for pair in pairs if pair[1] is not None]
    return [test for test, _ in given], [value for _, value in given]


def health(data: Data, *, since: int | None = None, until: int | None = None, limit: int = 50) -> Health:
    """The sensor's health: findings between two times (ns, both included), its last figures unless they are later, and
    the position of the tables.
    """
    begin, end = since if since is not None else -(1 << 63), until if until is not None else (1 << 63) - 1
    query = (
        "SELECT seq, ts, 'sensor', action, severity, name, summary FROM findings WHERE action != "
        "'summary' AND ts BETWEEN ? AND ? ORDER BY ts DESC, seq DESC LIMIT ?"
    )
    rows = data.base.execute(query, (begin, end, limit_of(limit)))
    last = data.base.execute(
        "SELECT record FROM findings WHERE action = 'summary' AND ts <= ? ORDER BY seq DESC", (end,)
    ).fetchone()
    there = data.position
    figures = msgspec.json.decode(last[0]).get("capture", {}) if last is not None else {}
    return Health([_moment(tuple(row)) for row in rows], figures, there.seq, there.unusable)


def search(data: Data, text: str, *, limit: int = 10) -> SearchHits:
    """Search for a text, an address, a network or an id in all tables: the newest devices, and the most severe of the
    others.
    """
    return SearchHits(
        devices(data, DeviceFilter(text=text), limit=limit),
        alerts(data, AlertFilter(text=text), "severity", limit=limit),
        incidents(data, StoryFilter(text=text), "severity", limit=limit),
        recommendations(data, StoryFilter(text=text), limit=limit),
    )


def _moment(row: tuple[Any, ...]) -> Moment:
    values: tuple[Any, ...] = (*row[:4], SEVERITIES[row[4]], *row[5:7])
    return Moment(*values)
