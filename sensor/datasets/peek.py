"""A short look into an inventory: whether it has a device, and from when to when it reaches."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from sensor.inventory.store.database import StoreError, look_into, open_database
from sensor.inventory.store.schema import VERSION


def has_devices(path: Path) -> bool:
    """True also for a file that cannot be read: what is in it is unknown, and unknown is not nothing."""
    try:
        return bool(_ask(path, "SELECT EXISTS (SELECT 1 FROM devices)")[0])
    except sqlite3.Error:
        return True


def device_count(path: Path) -> int:
    """StoreError when it cannot be read."""
    try:
        return int(str(_ask(path, "SELECT count(*) FROM devices")[0]))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from None


def bring_up_to_date(path: Path) -> str:
    """Upgrade an inventory of an earlier version that has no writer any more. What was done, for users; empty if
    nothing was. Raises StoreError.
    """
    try:
        if int(str(_ask(path, "PRAGMA user_version")[0])) >= VERSION or not os.access(path, os.W_OK):
            return ""
    except sqlite3.Error:
        return ""
    base, note = open_database(path)
    base.close()
    return note


def times_of(path: Path) -> tuple[str, str]:
    """When the first device was seen first and the last one last, RFC 3339; empty when that is unknown."""
    with contextlib.suppress(sqlite3.Error):
        first, last = _ask(
            path, "SELECT min(json_extract(body, '$.first_seen')), max(json_extract(body, '$.last_seen')) FROM devices"
        )
        return str(first or ""), str(last or "")
    return "", ""


def _ask(path: Path, query: str) -> tuple[object, ...]:
    """One row. sqlite3.Error."""
    with contextlib.closing(look_into(path)) as base:
        return tuple(base.execute(query).fetchone())
