"""The input of a report: the states at a hub as an event log, which `sensor report` reads as that of a sensor.

Devices, alerts and incidents are their last records, recommendations those of stored events, with ids of the hub, and
with values and notes of operators. Each list is limited; what is left out is an entry under the health of sensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from psycopg import sql

import sensor
from sensor.core.foreign import part
from sensor.hub.database import Connection
from sensor.hub.incident_duplicates import LISTED
from sensor.hub.views.fleet import sensors
from sensor.hub.views.ids import joined, with_origin
from sensor.hub.views.operator_values import in_row
from sensor.hub.views.query import Reader
from sensor.inventory.corrections import onto_body

# Those seen last; the most severe; the latest.
DEVICES, ALERTS, INCIDENTS, RECOMMENDATIONS, FIGURES = 10_000, 5_000, 1_000, 10_000, 50_000
# Records of figures of each sensor within a period.
PARTS = 24
EVERYWHERE = "all sites"
_FETCHED = 500
_SITE = sql.SQL("(%(site)s::text IS NULL OR t.site = %(site)s)")
_DEVICES = sql.SQL("""
SELECT t.sensor, s.name, t.site, t.record, t.gone, t.hub_owner, t.hub_criticality, t.hub_tags
FROM device_order o JOIN devices t ON t.number = o.number JOIN sensors s ON s.number = t.sensor
WHERE t.merged = '' AND t.counted_as = 0 AND t.first < %(until)s AND {site}
ORDER BY o.last DESC, o.number DESC LIMIT %(limit)s""").format(site=_SITE)
_ALERTS = sql.SQL("""
SELECT t.sensor, s.name, t.site, t.record, t.noted, n.author, n.comment
FROM alerts t JOIN sensors s ON s.number = t.sensor LEFT JOIN LATERAL (
    SELECT author, comment FROM alert_notes WHERE sensor = t.sensor AND alert = t.id ORDER BY at DESC LIMIT 1
) n ON true WHERE t.counted_as = 0 AND t.last >= %(since)s AND t.first < %(until)s AND {site}
ORDER BY t.severity DESC, t.last DESC, t.number DESC LIMIT %(limit)s""").format(site=_SITE)
_INCIDENTS = sql.SQL("""
SELECT i.sensor, s.name, i.site, i.record FROM incidents i JOIN sensors s ON s.number = i.sensor
WHERE {listed} AND i.last >= %(since)s AND i.first < %(until)s AND (%(site)s::text IS NULL OR i.site = %(site)s)
ORDER BY i.severity DESC, i.last DESC, i.number DESC LIMIT %(limit)s""").format(listed=sql.SQL(LISTED))
_RECOMMENDATIONS = sql.SQL("""
SELECT sensor, name, site, record FROM (
    SELECT DISTINCT ON (e.sensor, e.about) e.sensor, t.name, t.site, e.record, e.ts
    FROM sensors t JOIN events e ON e.sensor = t.number
    WHERE e.kind = 'recommendation' AND e.ts < %(until)s AND {site} ORDER BY e.sensor, e.about, e.ts DESC
) latest ORDER BY ts DESC LIMIT %(limit)s""").format(site=_SITE)
# Of figures, which are sums since the start of a sensor, the last within each part of the period, and before it.
_FIGURES = sql.SQL("""
SELECT sensor, name, site, record FROM (
    SELECT DISTINCT ON (e.sensor, place.kept) e.sensor, t.name, t.site, e.record, e.ts
    FROM sensors t JOIN events e ON e.sensor = t.number, LATERAL (
        SELECT CASE e.action WHEN 'summary' THEN date_bin(%(part)s, e.ts, %(since)s)::text ELSE e.id END AS kept
    ) place
    WHERE e.kind = 'sensor' AND e.action IN ('started', 'summary', 'health')
        AND e.ts >= %(since)s - %(part)s AND e.ts < %(until)s AND {site}
    ORDER BY e.sensor, place.kept, e.ts DESC
) latest ORDER BY sensor, ts LIMIT %(limit)s""").format(site=_SITE)
Record = dict[str, Any]


class Span(NamedTuple):
    """What a report covers. ``site``: None: all."""

    site: str | None
    since: datetime
    until: datetime

    @property
    def last(self) -> str:
        """The last time within the period, as in records."""
        return text_of(self.until - timedelta(microseconds=1))


def write_log(base: Connection, span: Span, path: Path) -> None:
    """Write the log of a report, within a transaction. Raises OSError."""
    with path.open("wb") as file:
        for record in _records(base, span):
            file.write(msgspec.json.encode(record) + b"\n")


def text_of(time: datetime) -> str:
    """A time (UTC) as in records."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _records(base: Connection, span: Span) -> Iterator[Record]:
    lists: tuple[tuple[str, sql.Composed, int, Callable[..., Record]], ...] = (
        ("records of sensors", _FIGURES, FIGURES, _figures),
        ("devices", _DEVICES, DEVICES, _device),
        ("recommendations", _RECOMMENDATIONS, RECOMMENDATIONS, with_origin_of),
        ("alerts", _ALERTS, ALERTS, _alert),
        ("incidents", _INCIDENTS, INCIDENTS, with_origin_of),
    )
    values = {**span._asdict(), "part": (span.until - span.since) / PARTS}
    for name, statement, limit, make in lists:
        count = 0
        for row in _rows(base, statement, values | {"limit": limit + 1}):
            count += 1
            if count <= limit:
                yield _within(make(*row), span)
        if count > limit:
            yield _health(span, "report", "medium", f"More than {limit:,} {name}: the report has not all of them.")
    yield from _faults(base, span)


def _rows(base: Connection, statement: sql.Composed, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, some at a time: records may have 64 KiB."""
    with base.cursor("report") as cursor:
        cursor.itersize = _FETCHED
        yield from cursor.execute(statement, values)


def with_origin_of(number: int, name: str, site: str, text: str) -> Record:
    return with_origin(text, number, name, site)


def _figures(number: int, name: str, site: str, text: str) -> Record:
    """Figures of a source: its name is unique only within its sensor."""
    record = with_origin(text, number, name, site)
    capture = part(record, "capture")
    return record | ({"capture": capture | {"source": f"{site}/{name} {capture.get('source', '')}"}} if capture else {})


def _device(number: int, name: str, site: str, text: str, gone: bool, *values: Any) -> Record:
    record = with_origin(text, number, name, site)
    done = {"action": "gone"} if gone else {}
    return record | {"device": onto_body(part(record, "device"), in_row(values))} | done


def _alert(number: int, name: str, site: str, text: str, noted: str, author: str | None, comment: str | None) -> Record:
    """An alert with the state that an operator noted. Its key is unique only within its sensor."""
    record = with_origin(text, number, name, site)
    alert = part(record, "alert")
    alert["key"] = joined(number, str(alert.get("key")))
    if noted == "closed":
        alert.setdefault("closed", {"by": author or ""} | ({"reason": comment} if comment else {}))
        record["action"] = "close"
    elif noted:
        alert.pop("closed", None)
        record["action"] = "update"
    return record | {"alert": alert}


def _within(record: Record, span: Span) -> Record:
    """States may be later than the period, which a report would leave out."""
    ts = record.get("ts")
    return record | {"ts": min(ts, span.last)} if isinstance(ts, str) else record


def _faults(base: Connection, span: Span) -> Iterator[Record]:
    """Faults of sensors now, and who reports."""
    for one in sensors(Reader(base, None if span.site is None else (span.site,))):
        for fault in one.faults(span.until):
            yield _health(span, f"{one.site}/{one.name}", "medium", f"{one.site}/{one.name}: {fault}")
    yield _health(span, "report", "info", "")


def _health(span: Span, check: str, severity: str, text: str) -> Record:
    origin = {"site": span.site or EVERYWHERE, "id": "hub", "version": sensor.__version__}
    shown = {"severity": severity, "msg": text, "facts": {"check": check}, "sensor": origin}
    return {"ts": span.last, "kind": "sensor", "action": "health"} | shown
