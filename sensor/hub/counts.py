"""Merge and correct the counts of alerts and devices. Workers only add rows, also negative ones, so that they do not
wait for each other.
"""

from __future__ import annotations

from psycopg import sql

from sensor.hub.database import Connection

GROUPS = {
    "alert_counts": ("site", "state", "severity", "detector", "verdict", "assignee"),
    "device_counts": ("site", "type", "vendor", "gone"),
    "vlan_counts": ("site", "vlan"),
}
_MERGE = sql.SQL("""
WITH several AS (SELECT {columns} FROM {table} GROUP BY {columns} HAVING count(*) > 1),
removed AS (
    DELETE FROM {table} WHERE ({columns}) IN (SELECT {columns} FROM several) RETURNING {columns}, n
)
INSERT INTO {table} ({columns}, n) SELECT {columns}, sum(n) FROM removed GROUP BY {columns} HAVING sum(n) <> 0""")
_CORRECT = sql.SQL("""
INSERT INTO {table} ({columns}, n) SELECT {columns}, sum(n) FROM (
    SELECT {columns}, 1 AS n FROM {rows} WHERE {listed}
    UNION ALL SELECT {columns}, -n FROM {table}
) each GROUP BY {columns} HAVING sum(n) <> 0""")


def merge_counts(base: Connection) -> None:
    """Replace the rows of each group by one with their sum. Safe beside workers and other merges: each row is removed
    once, in the statement that adds its sum.
    """
    for table in GROUPS:
        base.execute(_of(_MERGE, table))


def correct_counts(base: Connection) -> None:
    """Add what the counts of devices lack: a worker of an earlier version counts each row, also if another row of the
    same device is listed.
    """
    devices = {"rows": sql.SQL("devices"), "listed": sql.SQL("merged = '' AND counted_as = 0")}
    for table in "device_counts", "vlan_counts":
        base.execute(_of(_CORRECT, table, **devices))


def correct_alert_counts(base: Connection) -> None:
    """The same for alerts."""
    base.execute(_of(_CORRECT, "alert_counts", rows=sql.SQL("alerts"), listed=sql.SQL("counted_as = 0")))


def _of(statement: sql.SQL, table: str, **more: sql.SQL) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, GROUPS[table]))
    return statement.format(table=sql.Identifier(table), columns=columns, **more)
