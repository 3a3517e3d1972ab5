"""A quick check of an inventory: whether it has devices, and its time range."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from pathlib import Path

from sensor.inventory.store.database import Lock, StoreError, StoreInUse, look_into, open_database
from sensor.inventory.store.schema import VERSION


def has_devices(path: Path) -> bool:
    """Whether there are devices. True also for an unreadable file, whose contents are unknown."""
    try:
        return bool(_ask(path, "SELECT EXISTS (SELECT 1 FROM devices)")[0])
    except sqlite3.Error:
        return True


def device_count(path: Path) -> int:
    """Number of devices. Raises StoreError if the file cannot be read."""
    try:
        return int(str(_ask(path, "SELECT count(*) FROM devices")[0]))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from None


def bring_up_to_date(path: Path) -> str:
    """Upgrade an inventory of an earlier version. Returns a message for users; empty if nothing was done: it is
    current, or another process writes it. Raises StoreError.
    """
    try:
        if int(str(_ask(path, "PRAGMA user_version")[0])) >= VERSION or not os.access(path, os.W_OK):
            return ""
    except sqlite3.Error:
        return ""
    try:
        lock = Lock(path.parent)
    except (StoreInUse, OSError):
        return ""
    try:
        base, note = open_database(path)
        base.close()
    finally:
        lock.release()
    return note


def times_of(path: Path) -> tuple[str, str]:
    """Time of the first and last sighting of any device, RFC 3339; empty if unknown. It reads all devices, so the
    answer is kept until the file changes.
    """
    try:
        return _times_of(path, _stamp(path), _stamp(path.with_name(f"{path.name}-wal")))
    except sqlite3.Error:
        return "", ""


@functools.lru_cache(maxsize=64)
def _times_of(path: Path, *_: object) -> tuple[str, str]:
    """The times of one state of the file. Raises sqlite3.Error, so that a failed read is repeated."""
    first, last = _ask(
        path, "SELECT min(json_extract(body, '$.first_seen')), max(json_extract(body, '$.last_seen')) FROM devices"
    )
    return str(first or ""), str(last or "")


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of the last change, ns; zeros without content, since each reader creates an empty log."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return (found.st_size, found.st_mtime_ns) if found.st_size else (0, 0)


def _ask(path: Path, query: str) -> tuple[object, ...]:
    """One row of a query. Raises sqlite3.Error."""
    with contextlib.closing(look_into(path)) as base:
        return tuple(base.execute(query).fetchone())
