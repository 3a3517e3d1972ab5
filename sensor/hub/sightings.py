"""Which row of a device is listed and counted, of those that several sensors of one site have for it (its sightings).

A device counts once at each site that sees it, so that the numbers of sites add up, and users of one site see all its
devices. The first of these differences decides: present before gone; seen within an hour of the latest sighting; of a
known type; of higher confidence; listed so far; the earliest row.
"""

from __future__ import annotations

from typing import LiteralString

from sensor.hub.database import Connection

_CHANGED: LiteralString = """
CREATE TEMPORARY TABLE recounted ON COMMIT DROP AS
WITH members AS (
    SELECT d.number, d.site, d.gone, d.last, d.type, d.confidence, d.counted_as, m.entity,
        max(d.last) OVER (PARTITION BY m.entity, d.site) AS latest
    FROM entity_members m JOIN devices d ON d.sensor = m.sensor AND d.id = m.device WHERE d.merged = ''
), ranked AS (
    SELECT number, first_value(number) OVER (
        PARTITION BY entity, site ORDER BY gone, last < latest - interval '1 hour', type = 'unknown',
            round(confidence::numeric, 1) DESC, counted_as <> 0, number) AS listed
    FROM members
)
SELECT d.number, d.sensor, CASE WHEN r.listed = d.number THEN 0 ELSE coalesce(r.listed, 0) END AS counted_as
FROM devices d LEFT JOIN ranked r ON r.number = d.number
WHERE (r.number IS NOT NULL OR d.counted_as <> 0)
    AND d.counted_as <> CASE WHEN r.listed = d.number THEN 0 ELSE coalesce(r.listed, 0) END"""
# As workers do, so that they wait for each other in the same order.
_LOCK: LiteralString = """
SELECT FROM sensors WHERE number IN (SELECT sensor FROM recounted) ORDER BY key FOR UPDATE"""
_WRITE: LiteralString = """
UPDATE devices d SET counted_as = c.counted_as FROM recounted c WHERE c.number = d.number"""
_VALUES: LiteralString = """
UPDATE devices d SET hub_owner = v.owner, hub_criticality = v.criticality, hub_tags = v.tags FROM (
    SELECT a.number, hub_value(a.sensor, a.id, 'owner') AS owner,
        hub_value(a.sensor, a.id, 'criticality') AS criticality,
        string_to_array(hub_value(a.sensor, a.id, 'tags'), ', ') AS tags
    FROM devices a WHERE (a.hub_owner, a.hub_criticality, a.hub_tags) IS DISTINCT FROM (NULL, NULL, NULL)
        OR (a.sensor, a.id) IN (
            SELECT s.sensor, s.device FROM (SELECT DISTINCT sensor, device FROM device_values WHERE NOT undone) v,
                sightings_of(v.sensor, v.device) s)
) v WHERE v.number = d.number
    AND (d.hub_owner, d.hub_criticality, d.hub_tags) IS DISTINCT FROM (v.owner, v.criticality, v.tags)"""


def recount(base: Connection) -> int:
    """Choose the listed rows of all entities, within a transaction; returns the number of rows that changed."""
    changed = base.execute(_CHANGED).rowcount
    if changed:
        base.execute(_LOCK)
        base.execute(_WRITE)
        base.execute(_VALUES)
    return changed
