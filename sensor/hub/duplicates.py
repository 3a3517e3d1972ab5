"""Which row of an alert is listed and counted, of those that several sensors of one site raise about the same activity:
by the same detection, with the same actor and target, at overlapping times.

Alerts of one detection, actor and target whose times overlap form a group. The sensor whose alert is open, then the
most severe, then listed so far, then the earliest, is the one whose alerts are listed. An alert of another sensor
counts as one of them that overlaps it, is at least as severe, and is not closed while it is open: no list shows less
because of this comparison. If the listed alert is closed later, the worker that stores this lists those that are open.
Alerts of one sensor are never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from sensor.hub.database import Connection

# Older alerts stay as they are.
DAYS = 2
# Key of pg_try_advisory_xact_lock: one process compares alerts at a time.
LOCK = 0x414C455254
# The first names of source and target are their addresses, or the MAC if there is no address. ``activity`` is a hash of
# 64 bits: sorts of numbers take a fraction of the time of those of texts.
_CHANGED: LiteralString = """
CREATE TEMPORARY TABLE relisted ON COMMIT DROP AS
WITH recent AS MATERIALIZED (
    SELECT number, sensor, first, last, state = 'closed' AS closed, severity, counted_as, hashtextextended(concat_ws(
        chr(1), site, detector, parties[1], (SELECT name FROM unnest(parties) WITH ORDINALITY p (name, place)
            WHERE name LIKE 't:%%' ORDER BY place LIMIT 1)), 0) AS activity
    FROM alerts WHERE last > %(now)s - make_interval(days => %(days)s) AND parties[1] LIKE 's:%%'
), ordered AS (
    SELECT *, max(last) OVER (PARTITION BY activity ORDER BY first, number
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM recent
    JOIN (SELECT activity FROM recent GROUP BY activity HAVING min(sensor) <> max(sensor)) several USING (activity)
), grouped AS (
    SELECT *, count(*) FILTER (WHERE before < first) OVER (PARTITION BY activity ORDER BY first, number) AS part
    FROM ordered
), chosen AS MATERIALIZED (
    SELECT *, first_value(sensor) OVER (PARTITION BY activity, part
        ORDER BY closed, severity DESC, counted_as <> 0, number) AS lister FROM grouped
), listed AS (
    SELECT c.number, min(l.number) AS row FROM chosen c JOIN chosen l
        ON l.activity = c.activity AND l.part = c.part AND l.sensor = l.lister AND c.sensor <> c.lister
            AND l.first <= c.last AND l.last >= c.first AND l.severity >= c.severity AND (c.closed OR NOT l.closed)
    GROUP BY c.number
)
SELECT number, sensor, coalesce(row, 0) AS counted_as FROM recent LEFT JOIN listed USING (number)
WHERE counted_as <> coalesce(row, 0)"""
# Without statistics of these intermediate results, PostgreSQL would compare each with each.
_SETTINGS: LiteralString = """
SELECT set_config(name, value, true)
FROM (VALUES ('work_mem', '64MB'), ('enable_nestloop', %s)) settings (name, value)"""
# The listed row was deleted, or its sensor moved to another site.
_ORPHANED: LiteralString = """
INSERT INTO relisted SELECT a.number, a.sensor, 0 FROM alerts a WHERE a.counted_as <> 0
    AND NOT EXISTS (SELECT FROM alerts l WHERE l.number = a.counted_as AND l.site = a.site)
    AND a.number NOT IN (SELECT number FROM relisted)"""
# As workers do, so that they wait for each other in the same order. With the sensors of listed rows: a worker that
# closes one of them waits, and then finds the rows that count as it.
_LOCK: LiteralString = """
SELECT FROM sensors WHERE number IN (
    SELECT sensor FROM relisted UNION SELECT l.sensor FROM relisted c JOIN alerts l ON l.number = c.counted_as
) ORDER BY key FOR UPDATE"""
_WRITE: LiteralString = """
UPDATE alerts a SET counted_as = c.counted_as FROM relisted c WHERE c.number = a.number"""
# A row may have changed before the lock: it is listed until the next comparison.
_RELEASE: LiteralString = """
UPDATE alerts a SET counted_as = 0 FROM alerts l, relisted c WHERE c.number = a.number AND l.number = a.counted_as
    AND (l.counted_as <> 0 OR l.severity < a.severity OR l.state = 'closed' AND a.state <> 'closed')"""
_HIDDEN: LiteralString = """
SELECT a.number, a.sensor FROM unnest(%s::bigint[], %s::text[]) c (sensor, id)
JOIN alerts l ON l.sensor = c.sensor AND l.id = c.id AND l.state = 'closed'
JOIN alerts a ON a.counted_as <> 0 AND a.counted_as = l.number AND a.state <> 'closed'"""
_LOCK_SENSORS: LiteralString = "SELECT FROM sensors WHERE number = ANY (%s) ORDER BY key FOR UPDATE"
_RELIST: LiteralString = """
UPDATE alerts a SET counted_as = 0 FROM alerts l WHERE a.number = ANY (%s) AND l.number = a.counted_as
    AND l.state = 'closed' AND a.state <> 'closed'"""


def relist(base: Connection, now: datetime) -> int | None:
    """Choose the listed rows of recent alerts; returns the number of rows that changed, None if another worker is doing
    so.
    """
    with base.transaction():
        row = base.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            return None
        base.execute(_SETTINGS, ["off"])
        changed = base.execute(_CHANGED, {"now": now, "days": DAYS}).rowcount
        base.execute(_SETTINGS, ["on"])
        changed += base.execute(_ORPHANED).rowcount
        if changed:
            base.execute(_LOCK)
            base.execute(_WRITE)
            base.execute(_RELEASE)
    return changed


def list_open_ones(base: Connection, closed: Sequence[tuple[int, str]]) -> int:
    """List open alerts that count as one of these, which their sensors closed (sensor and id); returns their number. In
    a separate transaction: it locks sensors in addition to those of a batch, and locks are taken in one order.
    """
    found = base.execute(_HIDDEN, [[sensor for sensor, _ in closed], [name for _, name in closed]]).fetchall()
    if not found:
        return 0
    with base.transaction():
        base.execute(_LOCK_SENSORS, [[sensor for _, sensor in found]])
        return base.execute(_RELIST, [[number for number, _ in found]]).rowcount
