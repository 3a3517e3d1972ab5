"""Which incidents are listed and counted, of those that several sensors of one site report about the same activity.

An incident counts as one of another sensor if each of its alerts counts as an alert of that one (``duplicates.py``),
and that one is at least as severe and not closed while it is open: no list shows less because of this comparison.
``LISTED`` verifies the last two when a list is read, since both incidents change between two comparisons.
"""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from sensor.hub.database import Connection
from sensor.hub.incident_states import CLOSED, closed_of

# Older incidents stay as they are.
DAYS = 2
# Key of pg_try_advisory_xact_lock: one process compares incidents at a time.
LOCK = 0x494E43494445
# A test of a row ``i`` of incidents.
LISTED: LiteralString = f"""
(i.counted_as = 0 OR NOT EXISTS (SELECT FROM incidents l WHERE l.number = i.counted_as AND l.site = i.site
    AND l.severity >= i.severity AND ({CLOSED} OR NOT {closed_of("l")})))"""
# Names of the other sensors that report the incident ``i``.
OTHERS: LiteralString = """
ARRAY(SELECT DISTINCT t.name FROM incidents o JOIN sensors t ON t.number = o.sensor
    WHERE o.number <> i.number AND (o.number = i.counted_as OR o.counted_as <> 0 AND o.counted_as
    = coalesce(nullif(i.counted_as, 0), i.number)) ORDER BY 1)"""
# An incident lists its first alerts only, and ``count`` is the number of all: then it is compared with none.
_CHANGED: LiteralString = f"""
CREATE TEMPORARY TABLE relisted ON COMMIT DROP AS
WITH recent AS MATERIALIZED (
    SELECT i.number, i.sensor, i.site, {CLOSED} AS closed, i.severity, i.count, i.counted_as, i.alerts
    FROM incidents i WHERE i.last > %(now)s - make_interval(days => %(days)s)
), stories AS MATERIALIZED (
    SELECT r.number, r.site, a.number AS alert, a.counted_as FROM recent r
    JOIN alerts a ON a.sensor = r.sensor AND a.id = ANY (r.alerts)
), shared AS (
    SELECT s.number, l.number AS row, count(DISTINCT s.alert) AS alerts FROM stories s
    JOIN stories l ON l.alert = s.counted_as AND l.site = s.site GROUP BY 1, 2
), chosen AS (
    SELECT s.number, min(s.row) AS row FROM shared s
    JOIN recent i ON i.number = s.number JOIN recent l ON l.number = s.row
    WHERE s.alerts = i.count AND l.severity >= i.severity AND (i.closed OR NOT l.closed) GROUP BY s.number
)
SELECT number, sensor, coalesce(row, 0) AS counted_as FROM recent LEFT JOIN chosen USING (number)
WHERE counted_as <> coalesce(row, 0)"""  # noqa: S608 - constants only
# As workers do, so that they wait for each other in the same order.
_LOCK: LiteralString = """
SELECT FROM sensors WHERE number IN (SELECT sensor FROM relisted) ORDER BY key FOR UPDATE"""
_WRITE: LiteralString = """
UPDATE incidents i SET counted_as = c.counted_as FROM relisted c WHERE c.number = i.number"""


def relist_incidents(base: Connection, now: datetime) -> int | None:
    """Choose the listed rows of recent incidents; returns the number of rows that changed, None if another worker is
    doing so.
    """
    with base.transaction():
        row = base.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            return None
        changed = base.execute(_CHANGED, {"now": now, "days": DAYS}).rowcount
        if changed:
            base.execute(_LOCK)
            base.execute(_WRITE)
    return changed
