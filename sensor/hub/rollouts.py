"""Rollouts of a release in rings: 1 % of the sensors, then 10 %, then all.

A sensor is offered the release once its ring has begun. The next ring begins when the operator decides so, or when all
sensors before it have been healthy for a stated time. A sensor that fails, rolls back, gets less healthy or falls
silent stops the rollout.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

import msgspec

from sensor.hub.database import Connection
from sensor.hub.releases import release_of
from sensor.hub.rings import FAILED, LAST, Member, rings_of
from sensor.hub.sensors import Unknown
from sensor.outputs.hub_protocol.messages import UpgradeOffer, UpgradeReport

# Sensors that download at the same time, and the time after which a report no longer counts.
DOWNLOADS, RECENT = 20, timedelta(minutes=5)
# Sensors that reported in this time are distributed to the rings.
ACTIVE = timedelta(days=1)
TEXT_LIMIT = 300
_REPORT: LiteralString = """
INSERT INTO upgrades AS u (sensor, installed, architecture, state, version, signed, health, reason, at, healthy)
SELECT key, %(installed)s, %(architecture)s, %(state)s, %(version)s, %(signed)s, %(health)s, %(reason)s, %(now)s,
    %(healthy)s
FROM sensors WHERE key = %(key)s AND state = 'approved'
ON CONFLICT (sensor) DO UPDATE SET installed = excluded.installed, architecture = excluded.architecture,
    state = excluded.state, version = excluded.version, signed = excluded.signed, health = excluded.health,
    reason = excluded.reason, at = excluded.at,
    healthy = CASE WHEN u.version = excluded.version AND excluded.healthy IS NOT NULL AND u.healthy IS NOT NULL
        THEN u.healthy ELSE excluded.healthy END"""
_ROLLOUT: LiteralString = """
SELECT number, version, ring, wait, state, reason, author, at FROM rollouts ORDER BY number DESC LIMIT 1"""
_RINGS: LiteralString = """
SELECT u.sensor, u.chosen FROM upgrades u JOIN sensors s ON s.key = u.sensor
WHERE s.state = 'approved' AND u.installed NOT IN ('', %(version)s) AND u.at > %(since)s"""
_MEMBERS: LiteralString = """
SELECT s.name, u.state, u.version, u.signed, u.health, u.reason, u.at, u.healthy, r.signed
FROM upgrades u JOIN sensors s ON s.key = u.sensor
    LEFT JOIN releases r ON r.version = u.version AND r.architecture = u.architecture
WHERE s.state = 'approved' AND u.ring <= %s ORDER BY s.site, s.name"""
_OFFERED: LiteralString = """
SELECT u.architecture, u.installed, u.state IN ('downloading', 'ready') AND u.version = %(version)s OR (
    SELECT count(*) FROM upgrades WHERE state = 'downloading' AND at > %(since)s) < %(most)s
FROM upgrades u WHERE u.sensor = %(key)s AND coalesce(u.ring, 3) <= %(ring)s"""


class CannotRoll(Exception):
    """Why a rollout cannot begin or continue."""


class Rollout(NamedTuple):
    """``wait``: time for which a ring must be healthy until the next begins; None: the operator decides."""

    number: int
    version: str
    ring: int
    wait: timedelta | None
    state: str
    reason: str
    author: str
    at: datetime


def begin(base: Connection, version: str, wait: timedelta | None, author: str, now: datetime) -> int:
    """Begin a rollout with the first ring; a running one is stopped. Returns the number of sensors in the first ring.
    Raises CannotRoll.
    """
    with base.transaction():
        base.execute("LOCK TABLE rollouts IN EXCLUSIVE MODE")
        if not base.execute("SELECT 1 FROM releases WHERE version = %s", [version]).fetchone():
            raise CannotRoll(f"no release of version {version}: `sensor hub release FILE` adds it")
        found = base.execute(_RINGS, {"version": version, "since": now - ACTIVE}).fetchall()
        if not found:
            raise CannotRoll(
                "no sensor that needs this version accepts upgrades: `sensor upgrade enable` on the sensor"
            )
        rings = rings_of(dict(found))
        base.execute("UPDATE rollouts SET state = 'stopped', reason = 'replaced' WHERE state = 'running'")
        base.execute("UPDATE upgrades SET ring = NULL, healthy = NULL")
        base.cursor().executemany("UPDATE upgrades SET ring = %s WHERE sensor = %s", [(r, k) for k, r in rings.items()])
        base.execute(
            "INSERT INTO rollouts (version, wait, author, at) VALUES (%s, %s, %s, %s)", [version, wait, author, now]
        )
    return sum(ring == 1 for ring in rings.values())


def choose_ring(base: Connection, name: str, ring: int | None) -> None:
    """Set the ring of a sensor for later rollouts; None: by the hash. Raises Unknown."""
    statement: LiteralString = """
INSERT INTO upgrades (sensor, chosen) SELECT key, %s FROM sensors WHERE name = %s
ON CONFLICT (sensor) DO UPDATE SET chosen = excluded.chosen"""
    if not base.execute(statement, [ring, name]).rowcount:
        raise Unknown(name)


def advance(base: Connection) -> Rollout:
    """Begin the next ring of the running rollout. Raises CannotRoll without one."""
    with base.transaction():
        rollout = _running(base)
        if rollout is None:
            raise CannotRoll("no rollout is running")
        if rollout.ring == LAST:
            raise CannotRoll("the last ring has already started")
        return _advanced(base, rollout)


def stop(base: Connection, reason: str) -> Rollout:
    """Stop the running rollout: no further sensor installs the release. Raises CannotRoll without one."""
    with base.transaction():
        rollout = _running(base)
        if rollout is None:
            raise CannotRoll("no rollout is running")
        return _ended(base, rollout, "stopped", reason)


def latest(base: Connection) -> Rollout | None:
    """The last rollout."""
    row = base.execute(_ROLLOUT).fetchone()
    return Rollout(*row) if row else None


def answer(base: Connection, key: str, report: UpgradeReport, now: datetime) -> UpgradeOffer | None:
    """Store the report of a sensor; the release that it is to install, or None. Within a transaction."""
    texts = {k: v for k, v in msgspec.structs.asdict(report).items() if isinstance(v, str)}
    values = {name: text[:TEXT_LIMIT].replace("\0", "") for name, text in texts.items()}
    signed = report.signed if 0 <= report.signed < 1 << 62 else 0
    healthy = now if report.state == "installed" and report.health == "ok" else None
    base.execute(_REPORT, values | {"signed": signed, "key": key, "now": now, "healthy": healthy})
    rollout = latest(base)
    if rollout is not None and rollout.state == "running" and (report.state in FAILED or report.health == "worse"):
        rollout = review(base, now)
    if rollout is None or rollout.state == "stopped":
        return None
    return _offer(base, key, rollout, now)


def review(base: Connection, now: datetime) -> Rollout | None:
    """Stop the running rollout if a sensor failed; otherwise begin the next ring, or finish it, if it is time."""
    with base.transaction():
        rollout = _running(base)
        if rollout is None:
            return latest(base)
        members = _members(base, rollout)
        for member in members:
            if failure := member.failure(rollout.version, now):
                return _ended(base, rollout, "stopped", f"{member.name}: {failure}")
        wait = rollout.wait if rollout.ring < LAST else timedelta()
        if wait is None or not all(member.is_done(rollout.version, wait, now) for member in members):
            return rollout
        return _advanced(base, rollout) if rollout.ring < LAST else _ended(base, rollout, "finished", "")


def _members(base: Connection, rollout: Rollout) -> list[Member]:
    """Sensors whose ring has begun."""
    return [Member(*row) for row in base.execute(_MEMBERS, [rollout.ring])]


def _offer(base: Connection, key: str, rollout: Rollout, now: datetime) -> UpgradeOffer | None:
    """The release for a sensor whose ring has begun, and that of its present version for a rollback."""
    values = {"key": key, "ring": rollout.ring, "version": rollout.version, "since": now - RECENT, "most": DOWNLOADS}
    row = base.execute(_OFFERED, values).fetchone()
    if row is None or not row[2] or row[1] == rollout.version:
        return None
    release = release_of(base, rollout.version, row[0])
    return None if release is None else UpgradeOffer(release, release_of(base, row[1], row[0]))


def _running(base: Connection) -> Rollout | None:
    row = base.execute("SELECT number FROM rollouts WHERE state = 'running' FOR UPDATE").fetchone()
    found = latest(base)
    return found if row and found and found.number == row[0] else None


def _advanced(base: Connection, rollout: Rollout) -> Rollout:
    base.execute("UPDATE rollouts SET ring = ring + 1 WHERE number = %s", [rollout.number])
    return rollout._replace(ring=rollout.ring + 1)


def _ended(base: Connection, rollout: Rollout, state: str, reason: str) -> Rollout:
    reason = reason[:TEXT_LIMIT]
    base.execute("UPDATE rollouts SET state = %s, reason = %s WHERE number = %s", [state, reason, rollout.number])
    return rollout._replace(state=state, reason=reason)
