"""Rows that the hub's commands list: sensors with their status, devices, alerts, incidents, the quarantine.

The database role limits the visible rows (``site_access``). Filters and rows are frozen; callers clean peers' texts
before they print them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import msgspec

from sensor.hub.database import Connection
from sensor.hub.incident_duplicates import LISTED, OTHERS
from sensor.hub.incident_states import CLOSED

_SENSORS: LiteralString = """
SELECT s.name, s.site, s.state, s.version, s.seen, s.expires, s.clock_ms, s.quarantined,
    coalesce(l.high, 0), l.last_ts, l.filtered, l.gaps, coalesce(l.held, 0), l.wanted, l.epoch, s.key
FROM sensors s LEFT JOIN LATERAL (
    SELECT upper(committed) - 1 AS high, last_ts, filtered, wanted, epoch,
        (SELECT count(*) FROM unnest(committed)) - 1
            + CASE WHEN committed @> 1::bigint OR isempty(committed) THEN 0 ELSE 1 END AS gaps,
        (SELECT sum(upper(r) - lower(r))::bigint FROM unnest(committed) r) AS held
    FROM logs WHERE sensor = s.key ORDER BY number DESC LIMIT 1
) l ON true
WHERE (%(site)s::text IS NULL OR s.site = %(site)s) AND (%(name)s::text IS NULL OR s.name = %(name)s)
ORDER BY s.site, s.name LIMIT %(limit)s"""
_DEVICES: LiteralString = """
SELECT s.name, d.site, d.id, d.name, d.type, d.vendor, d.model, d.ips, d.macs, d.confidence, d.first, d.last, d.gone,
    d.owner, d.criticality, d.tags, ARRAY(SELECT DISTINCT t.name FROM devices m JOIN sensors t ON t.number = m.sensor
        WHERE m.counted_as <> 0 AND m.counted_as = d.number AND m.merged = '' ORDER BY 1)
FROM device_order o JOIN devices d ON d.number = o.number JOIN sensors s ON s.number = d.sensor
WHERE d.merged = '' AND d.counted_as = 0 AND (%(site)s::text IS NULL OR d.site = %(site)s)
    AND (%(type)s::text IS NULL OR d.type = %(type)s)
    AND (%(name)s::text IS NULL AND %(text)s::text IS NULL OR d.number = ANY (ARRAY(
        SELECT coalesce(nullif(m.counted_as, 0), m.number) FROM devices m JOIN sensors t ON t.number = m.sensor
        WHERE (%(name)s::text IS NULL OR t.name = %(name)s)
            AND (%(text)s::text IS NULL OR m.ips @> ARRAY[%(text)s] OR m.macs @> ARRAY[lower(%(text)s)]
                OR lower(m.name) = lower(%(text)s) OR m.id = %(text)s))))
ORDER BY o.last DESC, d.sensor, d.id LIMIT %(limit)s"""
_ALERTS: LiteralString = """
SELECT s.name, a.site, a.id, a.severity, a.risk, a.count, a.detector, a.title, a.summary, a.src, a.dst, a.first, a.last,
    a.closed, n.state, n.verdict, n.assignee, ARRAY(SELECT DISTINCT t.name FROM alerts m
        JOIN sensors t ON t.number = m.sensor WHERE m.counted_as <> 0 AND m.counted_as = a.number ORDER BY 1)
FROM alerts a JOIN sensors s ON s.number = a.sensor LEFT JOIN LATERAL (
    SELECT state, verdict, assignee FROM alert_notes WHERE sensor = a.sensor AND alert = a.id ORDER BY at DESC LIMIT 1
) n ON true
WHERE a.severity >= %(severity)s AND (%(site)s::text IS NULL OR a.site = %(site)s)
    AND (a.counted_as = 0 AND %(name)s::text IS NULL OR s.name = %(name)s)
    AND (%(text)s::text IS NULL OR coalesce(nullif(a.counted_as, 0), a.number) = ANY (ARRAY(
        SELECT coalesce(nullif(m.counted_as, 0), m.number) FROM alerts m WHERE m.detector = %(text)s OR m.id = %(text)s
            OR m.parties && ARRAY['s:' || lower(%(text)s), 't:' || lower(%(text)s)])))
ORDER BY a.last DESC, a.sensor, a.id LIMIT %(limit)s"""
_INCIDENTS: LiteralString = f"""
SELECT s.name, i.site, i.id, i.severity, i.risk, i.count, i.summary, i.first, i.last, {CLOSED}, {OTHERS}
FROM incidents i JOIN sensors s ON s.number = i.sensor
WHERE i.severity >= %(severity)s AND (%(site)s::text IS NULL OR i.site = %(site)s)
    AND ({LISTED} AND %(name)s::text IS NULL OR s.name = %(name)s)
ORDER BY i.last DESC, i.sensor, i.id LIMIT %(limit)s"""  # noqa: S608
_QUARANTINE: LiteralString = """
SELECT coalesce(s.name, q.subject), q.id, q.reason, q.detail, q.at, length(q.body)
FROM quarantine q LEFT JOIN sensors s ON s.key = q.subject
WHERE %(name)s::text IS NULL OR s.name = %(name)s ORDER BY q.at DESC, q.id LIMIT %(limit)s"""

_NAMES: dict[str, LiteralString] = {
    "site": "SELECT DISTINCT site FROM sensors",
    "sensor": "SELECT name FROM sensors",
    "type": "SELECT DISTINCT type FROM device_counts",
}


class HubFilter(NamedTuple):
    """Selected rows; None: all. ``severity``: the lowest, 0 to 4; ``text``: an address, MAC, name, detector or id,
    exactly.
    """

    site: str | None = None
    name: str | None = None
    type: str | None = None
    text: str | None = None
    severity: int = 0
    limit: int = 100


class SensorRow(msgspec.Struct, frozen=True):
    """``high``: greatest committed number of its current log; ``held``: count of committed numbers; ``gaps``: ranges of
    missing numbers below ``high``, None before its first batch; ``filtered``: its output selects events, so that gaps
    are not losses; ``clock_ms``: its clock minus that of the NATS server, at its last batch; ``wanted``: number after
    which the hub has requested the log again.
    """

    name: str
    site: str
    state: str
    version: str
    seen: datetime | None
    expires: datetime | None
    clock_ms: int
    quarantined: int
    high: int
    last_event: datetime | None
    filtered: bool | None
    gaps: int | None
    held: int
    wanted: int | None
    epoch: str | None
    key: str


class DeviceRow(msgspec.Struct, frozen=True):
    """The last state of a device. ``others``: further sensors of its site that see it."""

    sensor: str
    site: str
    id: str
    name: str
    type: str
    vendor: str
    model: str
    ips: list[str]
    macs: list[str]
    confidence: float
    first: datetime
    last: datetime
    gone: bool
    owner: str
    criticality: str
    tags: list[str]
    others: list[str]


class AlertRow(msgspec.Struct, frozen=True):
    """The last state of an alert. ``state``, ``verdict``, ``assignee``: from the operator's last note, None without
    one; ``others``: further sensors of its site that raised it.
    """

    sensor: str
    site: str
    id: str
    severity: int
    risk: int
    count: int
    detector: str
    title: str
    summary: str
    src: str
    dst: str
    first: datetime
    last: datetime
    closed: bool
    state: str | None
    verdict: str | None
    assignee: str | None
    others: list[str]


class IncidentRow(msgspec.Struct, frozen=True):
    """The last state of an incident. ``others``: further sensors of its site that report it."""

    sensor: str
    site: str
    id: str
    severity: int
    risk: int
    count: int
    summary: str
    first: datetime
    last: datetime
    closed: bool
    others: list[str]


class QuarantineRow(msgspec.Struct, frozen=True):
    """A rejected batch. ``size``: bytes of its message."""

    sensor: str
    id: str
    reason: str
    detail: str
    at: datetime
    size: int


def names_of(base: Connection, field: str) -> list[str]:
    """The values of a filter: ``site`` or ``sensor``, or types that devices have."""
    return [row[0] for row in base.execute(_NAMES[field]).fetchall()]


def list_sensors(base: Connection, chosen: HubFilter) -> list[SensorRow]:
    return [SensorRow(*row) for row in _queried(base, _SENSORS, chosen)]


def list_devices(base: Connection, chosen: HubFilter) -> list[DeviceRow]:
    return [DeviceRow(*row) for row in _queried(base, _DEVICES, chosen)]


def list_alerts(base: Connection, chosen: HubFilter) -> list[AlertRow]:
    return [AlertRow(*row) for row in _queried(base, _ALERTS, chosen)]


def list_incidents(base: Connection, chosen: HubFilter) -> list[IncidentRow]:
    return [IncidentRow(*row) for row in _queried(base, _INCIDENTS, chosen)]


def list_quarantine(base: Connection, chosen: HubFilter) -> list[QuarantineRow]:
    return [QuarantineRow(*row) for row in _queried(base, _QUARANTINE, chosen)]


def _queried(base: Connection, statement: LiteralString, chosen: HubFilter) -> list[tuple[Any, ...]]:
    return base.execute(statement, chosen._asdict()).fetchall()
