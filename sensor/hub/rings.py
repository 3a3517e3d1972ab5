"""Rings of a rollout: which sensors are first, and when one of them stops it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

# Shares of the sensors in the first rings; the last ring has the others.
SHARES = {1: 0.01, 2: 0.1}
LAST = 3
# Time without a report after which a sensor that was upgraded is treated as failed.
SILENT = timedelta(minutes=30)
FAILED = ("failed", "rolled_back")


class Member(NamedTuple):
    """A sensor of a ring that has begun. ``signed``: time of the release that it reports on; ``healthy``: since when it
    has been healthy with ``version``; ``offered``: time of the release of that version at the hub, None: there is none.
    """

    name: str
    state: str
    version: str
    signed: int
    health: str
    reason: str
    at: datetime
    healthy: datetime | None
    offered: int | None

    def failure(self, version: str, now: datetime) -> str:
        """Why it stops the rollout of a version; empty if it does not."""
        if self.version != version or self.signed != self.offered:
            return ""
        if self.state in FAILED:
            return self.reason or self.state
        if self.health == "worse":
            return self.reason or "its health is worse"
        if self.state in ("installing", "installed") and now - self.at > SILENT:
            return "it has not reported since it was upgraded"
        return ""

    def is_done(self, version: str, wait: timedelta, now: datetime) -> bool:
        """Whether it has been healthy with the version for a time, and still is."""
        since = self.healthy if self.version == version and self.state == "installed" else None
        return since is not None and now - since >= wait and now - self.at <= SILENT


def rings_of(sensors: Mapping[str, int | None]) -> dict[str, int]:
    """The ring of each sensor by its public key: as chosen by the operator, otherwise by a hash of the key, so that the
    same sensors are first each time. The first ring has at least one sensor.
    """
    rings = {key: ring for key, ring in sensors.items() if ring is not None}
    free = sorted((key for key in sensors if key not in rings), key=_hash)
    for ring, share in SHARES.items():
        has = sum(one == ring for one in rings.values())
        wanted = max(0, math.ceil(share * len(sensors)) - has) if ring > 1 or not has else 0
        rings |= dict.fromkeys(free[:wanted], ring)
        free = free[wanted:]
    return rings | dict.fromkeys(free, LAST)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
