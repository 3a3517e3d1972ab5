"""Central records of the hub: whose they are, and the cache that they are downloaded into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from sensor.central.cache import Cache, Owner
from sensor.hub.database import Connection
from sensor.hub.hunting import Target
from sensor.hub.settings import Central, Hub

GIB = 1 << 30
_IDENTITIES: LiteralString = "SELECT key, sensor_id, sensor_site, name, site FROM sensors WHERE key = ANY (%s)"


def owners_of(base: Connection, chosen: Sequence[Target]) -> dict[str, list[Owner]]:
    """By public key: the identities under which a sensor may have uploaded records, as in its events."""
    rows = base.execute(_IDENTITIES, [[target.key for target in chosen]]).fetchall()
    found: dict[str, list[Owner]] = {}
    for key, sensor_id, sensor_site, name, site in rows:
        pairs = dict.fromkeys(((sensor_id, sensor_site or site), (name, site), (sensor_id, sensor_site)))
        found[key] = [Owner(key, *pair) for pair in pairs]
    return found


def cache_of(hub: Hub, central: Central) -> Cache:
    return Cache(central.cache or hub.folder / "central", int(central.cache_gib * GIB))
