"""Where and when devices known at several sites were seen: stays of entities, from the events that the hub
still has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

import msgspec

from sensor.hub.database import Connection
from sensor.hub.entities import presence

_MEMBERS: LiteralString = """
SELECT m.entity, max(d.name) OVER e, max(d.type) OVER e, d.site, s.name, m.sensor, m.device
FROM entity_members m JOIN devices d ON d.sensor = m.sensor AND d.id = m.device JOIN sensors s ON s.number = d.sensor
JOIN (
    SELECT o.entity, max(f.last) AS last
    FROM entity_members o JOIN devices f ON f.sensor = o.sensor AND f.id = o.device
    GROUP BY o.entity
    HAVING count(DISTINCT f.site) > 1 AND (%(site)s::text IS NULL OR %(site)s = ANY (array_agg(f.site)))
        AND (%(text)s::text IS NULL OR o.entity = %(text)s
            OR bool_or(f.macs @> ARRAY[lower(%(text)s)] OR lower(f.name) = lower(%(text)s) OR f.id = %(text)s))
    ORDER BY max(f.last) DESC, o.entity LIMIT %(limit)s
) newest ON newest.entity = m.entity
WINDOW e AS (PARTITION BY m.entity)
ORDER BY newest.last DESC, m.entity, m.sensor, m.device"""


class SiteStay(msgspec.Struct, frozen=True):
    """One stay of an entity at a site. ``ends``: last time at which it was certainly present."""

    entity: str
    name: str
    type: str
    site: str
    sensor: str
    device: str
    begins: datetime
    ends: datetime


def list_roaming(base: Connection, site: str | None, text: str | None, limit: int) -> list[SiteStay]:
    """Stays of at most ``limit`` entities that are known at several sites, one of them ``site``; most recently seen
    entity first, stays of each in order. ``text``: an entity, a device, its MAC or name, exactly. None: all.
    """
    found = base.execute(_MEMBERS, {"site": site, "text": text, "limit": limit}).fetchall()
    known = presence(base, [(row[5], row[6]) for row in found])
    order = {entity: place for place, entity in enumerate(dict.fromkeys(row[0] for row in found))}
    stays = [_stay(row, *interval) for row in found for interval in known[row[5], row[6]]]
    return sorted(stays, key=lambda stay: (order[stay.entity], stay.begins, stay.ends))


def _stay(row: tuple[Any, ...], begins: datetime, ends: datetime) -> SiteStay:
    entity, name, kind, site, sensor, _, device = row
    return SiteStay(entity, name, kind, site, sensor, device, begins, ends)
