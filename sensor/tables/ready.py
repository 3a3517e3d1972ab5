"""Prepares a folder for its readers: its tables are first brought up to date with the log.

Views open a store for reading only. Work left by a crash, an upgrade or an operator change is done here first, while
the store can be written.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from sensor.inventory.store.database import FILE, StoreError, UnusableStore, connect, look_into, other_version
from sensor.inventory.store.schema import VERSION
from sensor.tables.build import behind, catch_up, list_devices
from sensor.tables.mute_rows import follow_mutes, mutes_behind
from sensor.tables.position import position

UNLISTED = "The list of devices is incomplete: rows are missing, and the store is not writable here."


class Ready(NamedTuple):
    """``usable``: the tables of the folder are current with its log; otherwise the log itself must be read. ``note``:
    what was done to the store, or what is missing, for users; empty if there is nothing to report. ``current``: nothing
    was left to do, and nothing will be until a file changes.
    """

    usable: bool
    note: str = ""
    current: bool = False


def make_ready(folder: Path, log: Path) -> Ready:
    """Bring the tables of a folder up to date with its log. Raises UnusableStore if a newer sensor wrote them, OSError
    if the log cannot be read.
    """
    with contextlib.suppress(StoreError, sqlite3.Error):  # an earlier version wrote it, or it is damaged
        if _is_up_to_date(folder, log):
            return Ready(usable=True, current=True)
    try:
        note = catch_up(folder, log).note
    except UnusableStore:
        raise
    except (OSError, StoreError):
        return Ready(usable=False)
    try:
        with contextlib.closing(_of_today(folder)) as base:
            # Without a record of the log: another process writes the folder and has written nothing to its tables yet.
            return Ready(bool(position(base).seq), note)
    except (StoreError, sqlite3.Error):
        return Ready(usable=False)


def make_devices_ready(folder: Path) -> Ready:
    """The same for a folder without a log: makes the rows of its devices. Raises StoreError if that fails."""
    try:
        _of_today(folder).close()
        listed = list_devices(folder)
    except sqlite3.Error as error:
        raise StoreError(f"{folder / FILE}: {error}") from None
    return Ready(usable=True, note="" if listed else UNLISTED, current=listed)


def _is_up_to_date(folder: Path, log: Path) -> bool:
    with contextlib.closing(_of_today(folder)) as base:
        if behind(base, log):
            return False
        if not mutes_behind(base, log):
            return True
    if os.access(folder / FILE, os.W_OK):  # otherwise mutes are shown in their earlier state; all else is up to date
        with contextlib.closing(connect(folder / FILE)) as base, contextlib.suppress(StoreError, OSError):
            follow_mutes(base, log)
    return True


def _of_today(folder: Path) -> sqlite3.Connection:
    """A store of the current version, for reading. Raises StoreError if there is none, sqlite3.Error if it is
    damaged.
    """
    if not (folder / FILE).is_file():
        raise StoreError(f"{folder / FILE}: no inventory")
    base = look_into(folder / FILE)
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        base.close()
        raise StoreError(other_version(folder / FILE, version))
    return base
