"""Scheduled hunts: a signed query that a worker sends to the sensors again and again, and the rows that they found.

Each run covers the time since the last one that the sensor answered, so a sensor that was disconnected is searched for
the missed time later. Rows are findings: a row that is found again counts.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

import msgspec
from nats.errors import Error as NatsError

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.hub.database import Connection
from sensor.hub.folder import FolderError
from sensor.hub.hunting import HuntResult, Target, hunted, targets
from sensor.hub.settings import Hub
from sensor.outputs.hub_protocol.hunts import Hunt

# Rows of one sensor and run, findings of one hunt, and seconds that sensors have to answer.
ROWS, FINDINGS, WITHIN_S = 1000, 10_000, 30.0
# A run does not cover the last seconds, which a sensor may still be writing, and at most so many days.
FRESH, LONGEST = timedelta(minutes=1), timedelta(days=30)
LEAST_EVERY = timedelta(minutes=10)
TEXT_LIMIT, UNKNOWN_LIMIT = 300, 2000
_ADD: LiteralString = """
INSERT INTO scheduled_hunts (name, query, every, site, severity, author, next) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING"""
_CLAIM: LiteralString = """
UPDATE scheduled_hunts SET next = %(now)s + every WHERE name = (
    SELECT name FROM scheduled_hunts WHERE next <= %(now)s ORDER BY next LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING name, query, every, site, severity, author"""
_FOUND: LiteralString = """
INSERT INTO hunt_findings AS f (hunt, sensor, digest, row, first, last) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (hunt, sensor, digest) DO UPDATE SET last = excluded.last, count = f.count + 1"""
_REACHED: LiteralString = """
INSERT INTO hunt_progress VALUES (%s, %s, %s) ON CONFLICT (hunt, sensor) DO UPDATE SET until = excluded.until"""
_WAITS: LiteralString = "INSERT INTO hunt_progress VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_TRIM: LiteralString = """
DELETE FROM hunt_findings WHERE ctid IN (
    SELECT ctid FROM hunt_findings WHERE hunt = %s ORDER BY last DESC OFFSET %s)"""
_SCHEDULES: LiteralString = """
SELECT h.name, h.query, h.every, h.site, h.severity, h.author, h.next, h.ran, h.fault, h.unknown,
    (SELECT count(*) FROM hunt_findings f WHERE f.hunt = h.name) FROM scheduled_hunts h ORDER BY h.name"""
_FINDINGS: LiteralString = """
SELECT f.hunt, s.site, s.name, f.row, f.count, f.first, f.last FROM hunt_findings f JOIN sensors s ON s.key = f.sensor
WHERE f.hunt = %s ORDER BY f.last DESC, s.site, s.name, f.digest LIMIT %s"""


class Schedule(NamedTuple):
    """``site``: None: all sites; ``severity``: of its findings, 0 to 4."""

    name: str
    query: str
    every: timedelta
    site: str | None
    severity: int
    author: str


class ScheduleRow(msgspec.Struct, frozen=True):
    """``ran``: last run; ``fault``: why it failed as a whole; ``unknown``: sensors that did not answer, with the
    reason: their records of that time are searched with the next run.
    """

    name: str
    query: str
    every: timedelta
    site: str | None
    severity: int
    author: str
    next: datetime
    ran: datetime | None
    fault: str
    unknown: list[str]
    findings: int


class FindingRow(msgspec.Struct, frozen=True):
    """``row``: JSON; ``first``, ``last``: runs that found it; ``count``: their number."""

    hunt: str
    site: str
    sensor: str
    row: str
    count: int
    first: datetime
    last: datetime


def add_schedule(base: Connection, schedule: Schedule, now: datetime) -> bool:
    """Add a schedule, which runs with the next housekeeping; False if the name is in use."""
    return bool(base.execute(_ADD, [*schedule, now]).rowcount)


def remove_schedule(base: Connection, name: str) -> bool:
    """Remove a schedule with its findings; False if there is none."""
    return bool(base.execute("DELETE FROM scheduled_hunts WHERE name = %s", [name]).rowcount)


def list_schedules(base: Connection) -> list[ScheduleRow]:
    return [ScheduleRow(*row) for row in base.execute(_SCHEDULES)]


def list_findings(base: Connection, name: str, limit: int) -> list[FindingRow]:
    """The latest findings of a hunt first."""
    return [FindingRow(*row) for row in base.execute(_FINDINGS, [name, limit])]


def run_due(hub: Hub, base: Connection, now: datetime) -> int:
    """Run the hunts that are due; returns their number. Several workers share them."""
    count = 0
    while (row := base.execute(_CLAIM, {"now": now}).fetchone()) is not None:
        _run(hub, base, Schedule(*row), now)
        count += 1
    return count


def _run(hub: Hub, base: Connection, schedule: Schedule, now: datetime) -> None:
    until = now - FRESH
    fault, unknown, outcomes = "", list[str](), list[HuntResult]()
    queried = _queried(base, schedule, until)
    try:
        outcomes = _answers(hub, schedule, queried, until)
    except (Retry, FolderError, OSError, NatsError) as error:
        fault = clean(str(error) or type(error).__name__, TEXT_LIMIT)
    with base.transaction():
        for (target, since), outcome in zip(queried, outcomes, strict=not fault):
            unknown += _store(base, schedule, target, outcome, (since, until), now)
        base.execute(_TRIM, [schedule.name, FINDINGS])
        values = [now, fault, unknown[:UNKNOWN_LIMIT], schedule.name]
        base.execute("UPDATE scheduled_hunts SET ran = %s, fault = %s, unknown = %s WHERE name = %s", values)


def _queried(base: Connection, schedule: Schedule, until: datetime) -> list[tuple[Target, datetime]]:
    """Sensors with the time from which each is to be searched."""
    reached: dict[str, datetime] = dict(
        base.execute("SELECT sensor, until FROM hunt_progress WHERE hunt = %s", [schedule.name]).fetchall()
    )
    begin, earliest = until - schedule.every, until - LONGEST
    return [(target, max(reached.get(target.key, begin), earliest)) for target in targets(base, schedule.site, None)]


def _answers(
    hub: Hub, schedule: Schedule, queried: Sequence[tuple[Target, datetime]], until: datetime
) -> list[HuntResult]:
    """The result of each sensor. All are queried at the same time, so that a run lasts at most WITHIN_S."""
    if not queried:
        return []
    author = f"{schedule.author}, scheduled as {schedule.name}"
    hunt = Hunt(secrets.token_hex(8), schedule.query, ROWS, WITHIN_S, None, _microseconds(until), author)
    hunts = [(target, msgspec.structs.replace(hunt, since=_microseconds(since))) for target, since in queried]
    return asyncio.run(hunted(hub, hunts, WITHIN_S))


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)


def _store(
    base: Connection, schedule: Schedule, target: Target, outcome: HuntResult, within: tuple[datetime, datetime],
    now: datetime,
) -> list[str]:  # fmt: skip
    """Store the rows of a sensor; what is unknown about it. ``within``: the searched time. Within a transaction."""
    place, (since, until) = f"{target.site}/{target.name}", within
    if outcome.state != "answered":
        base.execute(_WAITS, [schedule.name, target.key, since])
        return [clean(f"{place}: {outcome.state} {outcome.reason}".strip(), TEXT_LIMIT)]
    found = outcome.found
    texts = [msgspec.json.encode(dict(zip(found.columns, row, strict=True))).decode() for row in found.rows]
    rows = [(schedule.name, target.key, _digest(text), text.replace("\0", ""), now, now) for text in texts]
    base.cursor().executemany(_FOUND, rows)
    base.execute(_REACHED, [schedule.name, target.key, until])
    return [f"{place}: more than {ROWS:,} rows"] if found.more else []


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
