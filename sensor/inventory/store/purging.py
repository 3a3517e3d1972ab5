"""Removes devices from the store with all their data: facts, history, addresses, habits, recommendations, open
alerts, mergers, and operator changes.

Only the order itself remains, with the device's id, author, time and reason. Ids are derived from keys and refer to no
remaining data.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from sensor.inventory.corrections import Order

_OF_A_DEVICE = (
    ("devices", "id"),
    ("device_rows", "id"),
    *((table, "device") for table in ("services", "neighbours", "baseline", "advice", "leases", "history")),
)
_THESE = "(SELECT value FROM json_each(?1))"


def purge(base: sqlite3.Connection, orders: Sequence[Order]) -> None:
    """Called within a transaction. SQLite overwrites deleted data (``database.py``), so that it cannot be recovered
    from the file.
    """
    if not orders:
        return
    devices, numbers = json.dumps([order.other for order in orders]), json.dumps([order.number for order in orders])
    lost = base.execute(f"SELECT lost_key FROM mergers WHERE NOT undone AND kept IN {_THESE}", (devices,))  # noqa: S608 - our own words, here and below
    keys = json.dumps([order.key for order in orders] + [row[0] for row in lost])
    for table, column in _OF_A_DEVICE:
        base.execute(f"DELETE FROM {table} WHERE {column} IN {_THESE}", (devices,))  # noqa: S608
    base.execute(
        f"DELETE FROM open_state WHERE EXISTS (SELECT 1 FROM json_each(open_state.devices) AS one WHERE one.value IN {_THESE})",  # noqa: S608
        (devices,),
    )
    base.execute(f"DELETE FROM mergers WHERE kept IN {_THESE} OR lost IN {_THESE}", (devices,))  # noqa: S608
    base.execute(f"DELETE FROM apart WHERE one IN {_THESE} OR other IN {_THESE}", (keys,))  # noqa: S608
    statement = f"DELETE FROM words WHERE (key IN {_THESE} OR value IN {_THESE}) AND number NOT IN (SELECT value FROM json_each(?2))"  # noqa: S608
    base.execute(statement, (keys, numbers))
    base.execute(f"UPDATE words SET key = value, value = '' WHERE number IN {_THESE}", (numbers,))  # noqa: S608
