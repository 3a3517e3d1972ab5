"""Last states of devices, alerts and incidents: rows that are later than those in the tables replace them.

The rows of a transaction are copied into a temporary table. One statement changes or adds the rows of the table and
writes what depends on them, from the columns of lists before and after: counts by group, words of searches, the order
by time. Rows of a sensor are written under the lock of its row in ``sensors``, so no other worker adds the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from psycopg import sql

from sensor.hub import rows
from sensor.hub.database import Connection, copy_rows, temporary
from sensor.hub.rows import Row

# ``sensor.intake``: otherwise, the triggers for other writers would write counts and words, too. The others: temporary
# tables have no statistics, and a hash of a table with a million rows is slower than a search for each key.
_SETTINGS: LiteralString = """
SELECT set_config(name, value, true) FROM (VALUES ('sensor.intake', 'on'), ('enable_hashjoin', 'off'),
    ('enable_mergejoin', 'off')) settings (name, value)"""
_WRITE = sql.SQL("""
WITH changed AS (
    UPDATE {table} t SET {changes} FROM {new} n JOIN {table} o ON o.sensor = n.sensor AND o.id = n.id
    WHERE t.sensor = o.sensor AND t.id = o.id AND (n.log, n.seq) > (t.log, t.seq) RETURNING {changed}
), added AS (
    INSERT INTO {table} ({columns}) SELECT {columns} FROM {new} n
    WHERE NOT EXISTS (SELECT FROM {table} o WHERE o.sensor = n.sensor AND o.id = n.id) RETURNING {added}
), {rest}""")
# Columns of lists before (``old``) and after; words if they changed. Only workers write the compared columns, so the
# row before is the one that this statement replaces, even if a console writes others at the same time.
_DEVICE_COLUMNS = sql.SQL(
    "t.number, t.site, t.type, t.vendor, t.gone, t.vlan, t.last, t.merged = '' AND t.counted_as = 0 AS listed, "
    "o.site AS old_site, o.type AS old_type, o.vendor AS old_vendor, o.gone AS old_gone, o.vlan AS old_vlan, "
    "o.last AS old_last, o.merged = '' AND t.counted_as = 0 AS was_listed, "
    "CASE WHEN (t.name, t.type, t.vendor, t.model, t.serial, t.ips, t.macs, t.sensor_owner, t.sensor_tags) "
    "<> (o.name, o.type, o.vendor, o.model, o.serial, o.ips, o.macs, o.sensor_owner, o.sensor_tags) "
    "THEN device_text(t) END AS words"
)
_NEW_DEVICE = sql.SQL(
    "number, site, type, vendor, gone, vlan, last, merged = '' AS listed, device_text(devices) AS words"
)
_ALERT_COLUMNS = sql.SQL(
    "t.number, t.site, t.state, t.severity, t.detector, t.verdict, t.assignee, t.parties, t.counted_as = 0 AS listed, "
    "o.counted_as = 0 AS was_listed, o.site AS old_site, "
    "CASE WHEN t.noted <> '' THEN t.noted WHEN o.closed THEN 'closed' ELSE 'open' END AS old_state, "
    "o.severity AS old_severity, o.detector AS old_detector, "
    "CASE WHEN (t.title, t.detector, t.summary, t.src, t.dst, t.parties) "
    "<> (o.title, o.detector, o.summary, o.src, o.dst, o.parties) THEN alert_text(t) END AS words"
)
_NEW_ALERT = sql.SQL("number, site, state, severity, detector, verdict, assignee, parties, alert_text(alerts) AS words")
# An alert that counts as another one, and is more severe or open again, is listed until the next comparison.
_RELISTED = sql.SQL(
    ", counted_as = CASE WHEN n.severity > o.severity OR o.closed AND NOT n.closed THEN 0 ELSE t.counted_as END"
)
_DEVICE_LISTS = sql.SQL("""
counted AS (
    INSERT INTO device_counts SELECT site, type, vendor, gone, sum(n) FROM (
        SELECT site, type, vendor, gone, 1 AS n FROM added WHERE listed
        UNION ALL SELECT site, type, vendor, gone, 1 FROM changed WHERE listed
        UNION ALL SELECT old_site, old_type, old_vendor, old_gone, -1 FROM changed WHERE was_listed
    ) each GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0
), vlans AS (
    INSERT INTO vlan_counts SELECT site, vlan, sum(n) FROM (
        SELECT site, vlan, 1 AS n FROM added WHERE listed
        UNION ALL SELECT site, vlan, 1 FROM changed WHERE listed
        UNION ALL SELECT old_site, old_vlan, -1 FROM changed WHERE was_listed
    ) each GROUP BY 1, 2 HAVING sum(n) <> 0
), placed AS (
    INSERT INTO device_order SELECT number, site, last FROM added WHERE listed
    UNION ALL SELECT number, site, last FROM changed WHERE listed AND NOT was_listed
), moved AS (
    UPDATE device_order o SET site = c.site, last = c.last FROM changed c
    WHERE o.last = c.old_last AND o.number = c.number AND c.listed AND (c.last, c.site) <> (o.last, o.site)
), unplaced AS (
    DELETE FROM device_order o USING changed c
    WHERE o.last = c.old_last AND o.number = c.number AND c.was_listed AND NOT c.listed
), worded AS (
    INSERT INTO device_words (number, words) SELECT number, words FROM added
) UPDATE device_words w SET words = c.words FROM changed c WHERE w.number = c.number AND c.words IS NOT NULL""")
_ALERT_LISTS = sql.SQL("""
counted AS (
    INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, sum(n) FROM (
        SELECT site, state, severity, detector, verdict, assignee, 1 AS n FROM added
        UNION ALL SELECT site, state, severity, detector, verdict, assignee, 1 FROM changed WHERE listed
        UNION ALL SELECT old_site, old_state, old_severity, old_detector, verdict, assignee, -1 FROM changed
            WHERE was_listed
    ) each GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0
), worded AS (
    INSERT INTO alert_words (number, words, parties) SELECT number, words, parties FROM added
) UPDATE alert_words w SET words = coalesce(c.words, w.words), parties = c.parties,
    counted_as = CASE WHEN NOT c.listed THEN w.counted_as END
FROM changed c WHERE w.number = c.number AND (c.words IS NOT NULL OR c.listed AND NOT c.was_listed)""")


class Kind(NamedTuple):
    """A table of last states. ``changed``, ``added``: what the statement returns of its rows; ``lists``: what it writes
    with them; ``more``: further changes of a row.
    """

    table: str
    columns: Sequence[str]
    changed: sql.SQL
    added: sql.SQL
    lists: sql.SQL
    more: sql.SQL = sql.SQL("")


DEVICES = Kind("devices", rows.DEVICES, _DEVICE_COLUMNS, _NEW_DEVICE, _DEVICE_LISTS)
ALERTS = Kind("alerts", rows.ALERTS, _ALERT_COLUMNS, _NEW_ALERT, _ALERT_LISTS, _RELISTED)
INCIDENTS = Kind(
    "incidents", rows.INCIDENTS, sql.SQL("t.number"), sql.SQL("number"), sql.SQL("done AS (SELECT) SELECT")
)


def write_states(base: Connection, states: Sequence[tuple[Kind, Sequence[Row]]]) -> None:
    """Within a transaction that holds the locks of the sensors: write states that are later than those in the tables.
    At most one row for each sensor and id.
    """
    base.execute(_SETTINGS)
    for kind, some in states:
        if some:
            _write(base, kind, some)


def _write(base: Connection, kind: Kind, some: Sequence[Row]) -> None:
    new = f"new_{kind.table}"
    temporary(base, new, kind.table, kind.columns)
    copy_rows(base, new, kind.columns, some)
    columns = sql.SQL(", ").join(map(sql.Identifier, kind.columns))
    changes = sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(sql.Identifier(one)) for one in kind.columns[2:])
    changes += kind.more
    names = {"table": sql.Identifier(kind.table), "new": sql.Identifier(new), "columns": columns, "changes": changes}
    statement = _WRITE.format(**names, changed=kind.changed, added=kind.added, rest=kind.lists)
    base.execute(statement, prepare=False)
