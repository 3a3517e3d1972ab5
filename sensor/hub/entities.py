"""Entities in the hub's database: recomputed completely from the devices of all sensors, by one worker at a time.

Edges that remain valid keep their time; the same evidence never joins pairs that an operator separated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import sql

from sensor.hub.batch import HubLine
from sensor.hub.counts import correct_counts
from sensor.hub.database import Connection, copy_rows
from sensor.hub.identity import Edge, Member, Sighting, edges_of, entities_of
from sensor.hub.presence import Interval, Seen, intervals, overlap
from sensor.hub.rows import time_of
from sensor.hub.sensors import Unknown
from sensor.hub.sightings import recount

# Key of pg_try_advisory_xact_lock: one process recomputes entities at a time.
LOCK = 0x454E54495459
FETCHED = 10_000
# Records may have 64 KiB each.
RECORDS_FETCHED = 500
_DEVICES: LiteralString = (
    "SELECT sensor, id, site, type, vendor, name, serial, macs, ips FROM devices WHERE merged = ''"
)
_EVENTS: LiteralString = """
SELECT e.sensor, e.about, e.ts, e.action, e.record FROM events e
JOIN unnest(%s::bigint[], %s::text[]) m (sensor, device) ON e.sensor = m.sensor AND e.about = m.device
WHERE e.kind = 'device' ORDER BY e.sensor, e.about"""
_ENTITIES: LiteralString = """
SELECT m.entity, array_agg(DISTINCT d.site ORDER BY d.site), array_agg(s.name || '/' || d.id ORDER BY s.name, d.id),
    max(d.name), max(d.type), min(d.first), max(d.last),
    ARRAY(SELECT DISTINCT e.reason || ' ' || e.value FROM edges e
          JOIN entity_members o ON o.sensor = e.sensor AND o.device = e.device WHERE o.entity = m.entity ORDER BY 1)
FROM entity_members m JOIN devices d ON d.sensor = m.sensor AND d.id = m.device JOIN sensors s ON s.number = d.sensor
GROUP BY m.entity HAVING %(site)s::text IS NULL OR %(site)s = ANY (array_agg(d.site))
ORDER BY max(d.last) DESC, m.entity LIMIT %(limit)s"""
_CONFLICTS: LiteralString = """
SELECT c.mac, a.site || '/' || a.name || '/' || c.device, b.site || '/' || b.name || '/' || c.other_device,
    c.begins, c.ends
FROM mac_conflicts c JOIN sensors a ON a.number = c.sensor JOIN sensors b ON b.number = c.other_sensor
ORDER BY c.ends DESC, c.mac LIMIT %(limit)s"""
_GONE: LiteralString = """
DELETE FROM edges e WHERE NOT EXISTS (
    SELECT FROM new_edges n WHERE (n.sensor, n.device, n.other_sensor, n.other_device, n.reason)
        = (e.sensor, e.device, e.other_sensor, e.other_device, e.reason) AND n.value = e.value)"""
_line = msgspec.json.Decoder(HubLine).decode


class Found(NamedTuple):
    """Number of edges, of entities, and of MACs that are at two sites at the same time."""

    edges: int
    entities: int
    conflicts: int


class EntityRow(msgspec.Struct, frozen=True):
    """A device that several sensors see. ``members``: sensor and id of each; ``reasons``: of its edges."""

    entity: str
    sites: list[str]
    members: list[str]
    name: str
    type: str
    first: datetime
    last: datetime
    reasons: list[str]


class ConflictRow(msgspec.Struct, frozen=True):
    """A MAC that two sites saw at the same time: a clone or a spoofed address. Places are site, sensor and device."""

    mac: str
    one: str
    other: str
    begins: datetime
    ends: datetime


def identify(base: Connection) -> Found | None:
    """Recompute the entities of all devices; None if another worker is doing so."""
    with base.transaction():
        row = base.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            return None
        sites: dict[Member, str] = {}
        edges = edges_of(_sightings(base, sites), _separated(base))
        conflicts = list(_conflicts(base, edges, sites))
        entities = entities_of(edges)
        _keep(base, edges)
        members = [(*member, name_of(group[0])) for group in entities for member in group]
        _replace(base, "entity_members", ("sensor", "device", "entity"), members)
        columns = ("mac", "sensor", "device", "other_sensor", "other_device", "begins", "ends")
        _replace(base, "mac_conflicts", columns, conflicts)
        recount(base)
        correct_counts(base)
    return Found(len(edges), len(entities), len(conflicts))


def separate(base: Connection, one: str, other: str, author: str, comment: str) -> None:
    """Separate two members permanently, each given as ``sensor/device``; takes effect at the next recomputation. Raises
    Unknown.
    """
    with base.transaction():
        pair = sorted((_member(base, one), _member(base, other)))
        base.execute(
            "INSERT INTO separations VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [*pair[0], *pair[1], author, comment],
        )


def list_entities(base: Connection, site: str | None, limit: int) -> list[EntityRow]:
    return [EntityRow(*row) for row in base.execute(_ENTITIES, {"site": site, "limit": limit}).fetchall()]


def list_conflicts(base: Connection, limit: int) -> list[ConflictRow]:
    return [ConflictRow(*row) for row in base.execute(_CONFLICTS, {"limit": limit}).fetchall()]


def presence(base: Connection, members: Sequence[Member]) -> dict[Member, list[Interval]]:
    """Times at which each device was seen by its sensor, from the events that the hub still has."""
    found: dict[Member, list[Interval]] = {member: [] for member in members}
    with base.transaction(), base.cursor(name="presence") as cursor:
        cursor.itersize = RECORDS_FETCHED
        cursor.execute(_EVENTS, [[m[0] for m in members], [m[1] for m in members]])
        for member, rows in groupby(cursor, key=itemgetter(0, 1)):
            found[member] = intervals(
                Seen(ts, _last_seen(record, ts), action == "gone") for *_, ts, action, record in rows
            )
    return found


def _last_seen(record: str, ts: datetime) -> datetime:
    """The time of the last sighting in a record; that of the event if it has none, or is nested too deeply for this
    stack.
    """
    try:
        part = _line(record).device
    except RecursionError:
        return ts
    return time_of(part.last_seen, ts) if part is not None else ts


def name_of(member: Member) -> str:
    """The name of an entity, after its first member."""
    return "ent-" + hashlib.blake2b(f"{member[0]}/{member[1]}".encode(), digest_size=6).hexdigest()


def _sightings(base: Connection, sites: dict[Member, str]) -> Iterator[Sighting]:
    """All devices, in chunks; fills ``sites`` with their sites."""
    with base.cursor(name="devices") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(_DEVICES)
        for row in cursor:
            one = Sighting(*row)
            sites[one.member] = one.site
            yield one


def _separated(base: Connection) -> set[frozenset[Member]]:
    rows = base.execute("SELECT sensor, device, other_sensor, other_device FROM separations")
    return {frozenset(((a, b), (c, d))) for a, b, c, d in rows}


def _conflicts(base: Connection, edges: Iterable[Edge], sites: dict[Member, str]) -> Iterator[tuple[Any, ...]]:
    """MACs that are at two sites at the same time."""
    apart = [edge for edge in edges if edge.reason == "mac" and sites[edge.one] != sites[edge.other]]
    for begin in range(0, len(apart), FETCHED):
        some = apart[begin : begin + FETCHED]
        known = presence(base, sorted({member for edge in some for member in (edge.one, edge.other)}))
        for edge in some:
            if (both := overlap(known[edge.one], known[edge.other])) is not None:
                yield edge.value, *edge.one, *edge.other, both.begins, both.ends


def _keep(base: Connection, edges: Sequence[Edge]) -> None:
    """Store these edges in the table; existing ones keep their time."""
    columns = ("sensor", "device", "other_sensor", "other_device", "reason", "value")
    base.execute("CREATE TEMPORARY TABLE new_edges (LIKE edges INCLUDING DEFAULTS) ON COMMIT DROP")
    copy_rows(base, "new_edges", columns, [(*edge.one, *edge.other, edge.reason, edge.value) for edge in edges])
    base.execute(_GONE)
    base.execute("INSERT INTO edges SELECT * FROM new_edges ON CONFLICT DO NOTHING")


def _replace(base: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    base.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    copy_rows(base, table, columns, rows)


def _member(base: Connection, place: str) -> Member:
    name, _, device = place.rpartition("/")
    row = base.execute(
        "SELECT d.sensor, d.id FROM devices d JOIN sensors s ON s.number = d.sensor WHERE s.name = %s AND d.id = %s",
        [name, device],
    ).fetchone()
    if row is None:
        raise Unknown(place)
    return int(row[0]), str(row[1])
