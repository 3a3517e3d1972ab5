"""A consistent copy of the store, made while a sensor writes it (sqlite.org/backup.html), and a summary of such a
copy.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from sensor.inventory.store.database import StoreError, look_into
from sensor.inventory.store.schema import VERSION


class Held(NamedTuple):
    """``version`` of the tables, and number of devices in them."""

    version: int
    devices: int


def copied(path: Path, copy: Path) -> None:
    """Copy a database, this or another one. Raises StoreError if it is damaged, or cannot be read or written."""
    try:
        with contextlib.closing(look_into(path)) as base, contextlib.closing(sqlite3.connect(copy)) as target:
            base.backup(target)  # in a single step: concurrent writes go to the WAL, and the backup never restarts
            # The copy is one file: it needs no WAL beside it.
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from None


def held(copy: Path, name: Path) -> Held:
    """Inspect a copy of the store ``name``. Raises StoreError if it is damaged, or a newer sensor wrote it."""
    try:
        with contextlib.closing(look_into(copy)) as base:
            fault = base.execute("PRAGMA quick_check(1)").fetchone()[0]
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            devices = int(base.execute("SELECT count(*) FROM devices").fetchone()[0]) if version else 0
    except sqlite3.Error as error:
        raise StoreError(f"{name}: is damaged: {error}") from None
    if fault != "ok":
        raise StoreError(f"{name}: is damaged: {fault.splitlines()[-1]}")
    if version > VERSION:
        raise StoreError(f"{name}: its tables have version {version}, expected {VERSION}: use the newer sensor")
    return Held(version, devices)
