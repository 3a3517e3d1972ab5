"""The store's database file: opened, and renamed if it is damaged. ``upgrade.py`` brings it to the current version.

SQLite in WAL mode: one sensor writes, while commands read and add operator changes. However the sensor is killed, the
file stays consistent.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sensor import damaged
from sensor.inventory.store.schema import TABLES, VERSION
from sensor.inventory.store.upgrade import NotUpgraded, upgrade

FILE, LOCK = "inventory.db", "inventory.lock"
# Present while a replacement of the store is being built (tables/load.py).
NEW = f"{FILE}.new"
# Present while a restore moves files into place (lifecycle/moves.py): until then the folder's contents are
# inconsistent.
UNFINISHED = "restore.unfinished"
# Seconds to wait for another process that writes.
TIMEOUT_S = 5.0


class StoreError(Exception):
    """The store cannot be used; the message is the reason, for users."""


class StoreInUse(StoreError):
    """Another process has the store open for writing."""


class UnusableStore(StoreError):
    """The store exists and must not be used: its tables have another version, or a restore is incomplete. To continue
    without it would only hide that.
    """


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open a store without changes. Raises sqlite3.Error if that fails."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    base = sqlite3.connect(uri, uri=True, timeout=TIMEOUT_S, isolation_level=None, check_same_thread=False)
    base.row_factory = sqlite3.Row
    return base


def look_into(path: Path) -> sqlite3.Connection:
    """Open a store for reading. If the folder is not writable and no sensor runs, the file is opened as immutable."""
    base = connect(path, readonly=True)
    try:
        base.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        base.close()
        base = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
        base.row_factory = sqlite3.Row
    except sqlite3.Error:
        base.close()
        raise
    return base


def other_version(path: Path, version: int) -> str:
    """The message for readers about a store with tables of another version."""
    action = "use the newer sensor" if version > VERSION else "start the sensor of this version, which upgrades it"
    return f"{path}: its tables have version {version}, this sensor reads {VERSION}: {action}"


def _refuse_newer(base: sqlite3.Connection, path: Path) -> int:
    """The version of the tables. Raises UnusableStore if a newer sensor wrote them."""
    version = int(base.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise UnusableStore(
            f"{path}: its tables have version {version}, expected {VERSION}: use the newer sensor, "
            "or another state folder"
        )
    return version


def open_database(path: Path, tables: Sequence[str] = ()) -> tuple[sqlite3.Connection, str]:
    """The store for its one writer, and a note: empty, that it was upgraded, or that it was damaged and
    renamed.
    ``tables``: check only these for damage, empty for all. Raises StoreError if it cannot be opened.
    """
    try:
        return _opened_intact(path, tables)
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        kept = damaged.rename(path)
        base, _ = _opened_intact(path)
        saved = _recovered(kept, base)
        note = (
            f"{path} was damaged ({error}): it is kept as {kept.name}, and a new one contains all readable rows "
            f"({saved:,} rows)"
        )
        return base, note


def _opened_intact(path: Path, tables: Sequence[str] = ()) -> tuple[sqlite3.Connection, str]:
    """An open, checked store, and a note of what was done to it. Raises sqlite3.DatabaseError if it is damaged."""
    with contextlib.suppress(OSError):  # SQLite reports the reason
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
    base = connect(path)
    try:
        version = _refuse_newer(base, path)
        prepare(base)
        damaged.check(base, tables if version == VERSION else ())
        note = upgrade(base, path, version)
    except NotUpgraded as error:
        base.close()
        raise UnusableStore(str(error)) from None
    except BaseException:
        base.close()
        raise
    return base, note


def prepare(base: sqlite3.Connection) -> None:
    """Configure the connection of the writer."""
    # Rows have two or three kilobytes: more of them fit into larger pages. An existing store keeps its page size.
    base.execute("PRAGMA page_size = 8192")
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = NORMAL")
    # Deleted data is overwritten, so that no data of a purged device remains in free pages.
    base.execute("PRAGMA secure_delete = ON")


def _recovered(kept: Path, base: sqlite3.Connection) -> int:
    """Copy the readable rows, table by table up to the first row that is not."""
    saved = 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(kept, readonly=True)) as old:
        for table in TABLES:
            base.execute("BEGIN")
            with contextlib.suppress(sqlite3.Error):
                for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names from our own list
                    columns = ", ".join(row.keys())
                    marks = ", ".join("?" * len(row))
                    base.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", tuple(row))  # noqa: S608
                    saved += 1
            base.execute("COMMIT")
    return saved


class Lock:
    """Ensures one writer per folder. The lock is on a separate file, because closing the store's file would release
    SQLite's own locks.
    """

    def __init__(self, folder: Path, *, restoring: bool = False) -> None:
        """Raises StoreInUse if another sensor has the lock, UnusableStore if a restore was interrupted, OSError if the
        folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise StoreInUse(f"{folder / FILE}: another sensor is writing it") from None
        if (folder / UNFINISHED).exists() and not restoring:
            os.close(self._file)
            raise UnusableStore(f"{folder}: a restore was interrupted: run `sensor restore` again")

    def release(self) -> None:
        os.close(self._file)
