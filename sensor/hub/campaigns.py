"""Campaigns: alerts of at least two sites with the same actor, threat list entry or technique, each within a day of the
one before. They are recomputed from the alerts of the last days, by one worker at a time.

| kind | value | of alerts |
|---|---|---|
| actor | source address, if it is global: sites use the same private addresses | of medium severity or higher |
| entry | entry of a threat list that the traffic matched | of any severity |
| technique | MITRE ATT&CK technique | of high severity or higher: others occur everywhere |
| hunt | scheduled hunt with findings, at any number of sites | - |
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

import msgspec

from sensor.hub.database import Connection, copy_rows
from sensor.hub.rows import short
from sensor.tables.lines import End, Technique

DAYS, WITHIN = 7, timedelta(days=1)
MEDIUM, HIGH = 2, 3
# Alerts that a campaign lists.
LISTED = 20
FETCHED = 10_000
# Key of pg_try_advisory_xact_lock: one process recomputes campaigns at a time.
LOCK = 0x43414D5041
COLUMNS = ("kind", "value", "first", "last", "severity", "sites", "alerts", "count")
_ALERTS: LiteralString = """
SELECT sensor, id, site, severity, first, last, record FROM alerts
WHERE counted_as = 0 AND last > %(now)s - make_interval(days => %(days)s) AND last < %(now)s + interval '1 day'"""

_HUNTS: LiteralString = """
INSERT INTO campaigns SELECT 'hunt', f.hunt, min(f.first), max(f.last), max(h.severity), array_agg(DISTINCT s.site),
    '{}', count(*) FROM hunt_findings f JOIN sensors s ON s.key = f.sensor JOIN scheduled_hunts h ON h.name = f.hunt
WHERE f.last > %(now)s - make_interval(days => %(days)s) GROUP BY f.hunt"""

Key = tuple[str, str]


class _Alert(msgspec.Struct, gc=False):
    attack: list[Technique] = []
    numbers: dict[str, Any] = {}


class _Record(msgspec.Struct, gc=False):
    alert: _Alert = msgspec.field(default_factory=_Alert)
    src: End = msgspec.field(default_factory=End)


class Finding(NamedTuple):
    """An alert with its keys (kind, value)."""

    alert: str
    site: str
    severity: int
    first: datetime
    last: datetime
    keys: tuple[Key, ...]


class Campaign(NamedTuple):
    """``alerts``: ids at the hub of the first LISTED of ``total`` alerts."""

    kind: str
    value: str
    first: datetime
    last: datetime
    severity: int
    sites: list[str]
    alerts: list[str]
    total: int


_record = msgspec.json.Decoder(_Record).decode


def refresh_campaigns(base: Connection, now: datetime) -> int | None:
    """Replace the campaigns in the database by those of the last days. Returns their number; None if another worker is
    doing so.
    """
    within = {"now": now, "days": DAYS}
    with base.transaction():
        row = base.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            return None
        found = campaigns_of(_findings(base, within))
        base.execute("DELETE FROM campaigns")
        copy_rows(base, "campaigns", COLUMNS, found)
        base.execute(_HUNTS, within)
    return len(found)


def campaigns_of(findings: Iterable[Finding]) -> list[Campaign]:
    """The most severe first."""
    by_key: defaultdict[Key, list[Finding]] = defaultdict(list)
    for finding in findings:
        for key in finding.keys:
            by_key[key].append(finding)
    several = [
        _campaign(key, group)
        for key, some in by_key.items()
        for group in _runs(sorted(some, key=lambda one: one.first))
        if len({one.site for one in group}) > 1
    ]
    return sorted(several, key=lambda one: (-one.severity, -len(one.sites), one.kind, one.value))


def keys_of(text: str, severity: int) -> Iterator[Key]:
    """The keys of an alert's record; none for a record that cannot be read."""
    try:
        record = _record(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if severity >= MEDIUM and _is_global(record.src.ip):
        yield "actor", short(record.src.ip)
    entry = record.alert.numbers.get("entry")
    if isinstance(entry, str) and (entry := short(entry)):
        yield "entry", entry
    if severity >= HIGH:
        yield from dict.fromkeys(("technique", short(one.technique)) for one in record.alert.attack if one.technique)


def _findings(base: Connection, within: dict[str, Any]) -> Iterator[Finding]:
    with base.cursor(name="alerts") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(_ALERTS, within)
        for sensor, alert, site, severity, first, last, record in cursor:
            if keys := tuple(keys_of(record, severity)):
                yield Finding(f"{sensor}.{alert}", site, severity, first, last, keys)


def _runs(ordered: list[Finding]) -> Iterator[list[Finding]]:
    """Split where nothing happened for WITHIN."""
    group: list[Finding] = []
    end = ordered[0].last
    for one in ordered:
        if one.first - end > WITHIN:
            yield group
            group = []
        group.append(one)
        end = max(end, one.last)
    if group:
        yield group


def _campaign(key: Key, group: list[Finding]) -> Campaign:
    sites, last = sorted({one.site for one in group}), max(one.last for one in group)
    severity = max(one.severity for one in group)
    alerts = [one.alert for one in group[:LISTED]]
    return Campaign(*key, group[0].first, last, severity, sites, alerts, len(group))


def _is_global(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
