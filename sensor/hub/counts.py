"""Merge the counts of alerts and devices. Workers only add rows, also negative ones, so that they do not wait for each
other.
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


def merge_counts(base: Connection) -> None:
    """Replace the rows of each group by one with their sum. Safe beside workers and other merges: each row is removed
    once, in the statement that adds its sum.
    """
    for table, columns in GROUPS.items():
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        base.execute(_MERGE.format(table=sql.Identifier(table), columns=names))
