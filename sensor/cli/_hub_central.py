"""``sensor hub hunt --central``: queries the central records of sensors at the hub instead of the sensors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import hub_of
from sensor.cli._records import installed

if TYPE_CHECKING:
    from sensor.central.cache import Cache, Fetched, Owner
    from sensor.central.objects import Objects
    from sensor.hub.database import Connection
    from sensor.hub.hunting import HuntResult, Target
    from sensor.outputs.hub_protocol.hunts import Found, Hunt

# Prefix of coverage that names absent central records.
MISSING = "missing: "


def found_centrally(
    args: argparse.Namespace, base: Connection, chosen: Sequence[Target], hunt: Hunt
) -> list[HuntResult]:
    """The result of each sensor, in their order. Raises Exit if central records are not configured, or the object store
    cannot be used.
    """
    from sensor.central.objects import MISSING as NEEDS
    from sensor.central.objects import Objects
    from sensor.central.objects import installed as there
    from sensor.core.output import Retry
    from sensor.hub.central import cache_of, owners_of
    from sensor.hub.hunting import HuntResult

    hub = hub_of(args)
    central = hub.settings.central
    if central is None:
        raise Exit(USAGE, f"{args.config} has no central records: set central", error="hub.no-central")
    if not there():
        raise Exit(NOT_OPENED, f"--central {NEEDS}", error="records.no-object-store")
    if not installed():
        raise Exit(NOT_OPENED)
    owners, outcomes = owners_of(base, chosen), []
    try:
        cache, objects = cache_of(hub, central), Objects(central.store)
        for target in chosen:
            found = _found(cache, objects, owners.get(target.key, []), hunt)
            outcomes.append(HuntResult(target.name, target.site, found.fault or "answered", found.reason, found))
    except Retry as error:
        raise Exit(NOT_OPENED, str(error), error="records.store") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"{error.filename}: {error.strerror}", error="file.not-written") from None
    return outcomes


def _found(cache: Cache, objects: Objects, owners: Sequence[Owner], hunt: Hunt) -> Found:
    """The result of one sensor. Raises Retry, OSError."""
    from sensor.central.cache import TooLarge
    from sensor.cli._hunt_serve import found_of
    from sensor.outputs.hub_protocol.hunts import Found
    from sensor.records.readable import Range

    try:
        for owner in owners:
            with cache.fetched(objects, owner, Range(hunt.since, hunt.until)) as fetched:
                if fetched is not None:
                    return _with_missing(found_of(fetched.folder, hunt), fetched, hunt)
    except TooLarge as error:
        return Found("failed", str(error))
    return Found("no_records", "it has no central records of this time")


def _with_missing(found: Found, fetched: Fetched, hunt: Hunt) -> Found:
    """The result with what the central records lack: damaged files, and the time since the last upload."""
    import time

    from sensor.records.coverage import clock
    from sensor.records.query import as_sql

    end = hunt.until if hunt.until is not None else int(time.time() * 1e6)
    missing = [f"{MISSING}{line}" for line in fetched.missing]
    if fetched.until < end:
        missing.append(f"{MISSING}records from {clock(as_sql(fetched.until))} UTC are at the sensor only")
    return msgspec.structs.replace(found, whole=found.whole and not missing, coverage=[*missing, *found.coverage])
