"""The file of the store: opened, brought to the version of today, and put aside where it is damaged.

SQLite in WAL mode: one sensor writes, commands read meanwhile and add what the operator says. Whatever kills the sensor, the file is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from sensor.inventory.store.schema import MIGRATIONS, TABLES, VERSION

FILE, LOCK = "inventory.db", "inventory.lock"
# How long (s) to wait for another process that writes.
PATIENCE_S = 5.0
_SIDES = ("", "-wal", "-shm")


class StoreError(Exception):
    """The store cannot be used; the text says why, for people."""


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open a store as it is. sqlite3.Error where that fails."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    base = sqlite3.connect(uri, uri=True, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    base.row_factory = sqlite3.Row
    return base


def migrate(base: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to the version of today, each step whole or not at all. StoreError where a newer sensor wrote them."""
    for number in range(_refuse_newer(base, path), VERSION):
        base.executescript(f"BEGIN IMMEDIATE;\n{MIGRATIONS[number]}\nPRAGMA user_version = {number + 1};\nCOMMIT;")


def _refuse_newer(base: sqlite3.Connection, path: Path) -> int:
    """The version of the tables."""
    version = int(base.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(f"{path}: its tables have version {version}, this sensor knows {VERSION}: use the newer sensor, or another state folder")
    return version


def open_database(path: Path) -> tuple[sqlite3.Connection, str]:
    """The store for its one writer, and what is to be told of it: empty, or that it was damaged and put aside. StoreError where it cannot be had."""
    try:
        return _sound(path), ""
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        aside = _put_aside(path)
        base = _sound(path)
        saved = _salvage(aside, base)
        return base, f"{path} was damaged ({error}): it is kept as {aside.name}, and a new one holds what could still be read of it ({saved:,} rows)"


def _sound(path: Path) -> sqlite3.Connection:
    """An open store that was checked. sqlite3.DatabaseError where it is damaged."""
    base = connect(path)
    try:
        _refuse_newer(base, path)
        # Rows of two or three kilobytes: more of them fit into larger pages. A store that exists keeps its own.
        base.execute("PRAGMA page_size = 8192")
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        _check(base)
        migrate(base, path)
    except BaseException:
        base.close()
        raise
    return base


def _check(base: sqlite3.Connection) -> None:
    fault = base.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise sqlite3.DatabaseError(fault.splitlines()[-1])


def _put_aside(path: Path) -> Path:
    """Rename it with what belongs to it; the first free number is taken."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    return aside


def _salvage(damaged: Path, base: sqlite3.Connection) -> int:
    """Copy what can be read, table by table up to the first row that cannot."""
    saved = 0
    with contextlib.suppress(sqlite3.Error):
        old = connect(damaged, readonly=True)
        for table in TABLES:
            base.execute("BEGIN")
            with contextlib.suppress(sqlite3.Error):
                for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names from our own list
                    columns = ", ".join(row.keys())
                    marks = ", ".join("?" * len(row))
                    base.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", tuple(row))  # noqa: S608
                    saved += 1
            base.execute("COMMIT")
        old.close()
    return saved


class Lock:
    """One writer a folder. The lock is on a file beside the store, for closing that one would take SQLite's own locks away."""

    def __init__(self, folder: Path) -> None:
        """StoreError where another sensor has it, OSError where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise StoreError(f"{folder / FILE}: another sensor writes it") from None

    def release(self) -> None:
        os.close(self._file)
