"""Replaces a store by one that was built beside it, if no other process has it open."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sensor.inventory.store.database import StoreError
from sensor.inventory.store.schema import KEPT
from sensor.inventory.store.store import Store

_TEXTS = "INSERT INTO made.device_text (rowid, words) SELECT number, words FROM main.device_rows WHERE indexed"


def is_alone(store: Store) -> bool:
    """Whether no other process has the store open. Raises StoreError."""
    try:
        alone = _lock(store.base)
        _unlock(store.base)
    except sqlite3.Error as error:
        raise StoreError(f"{store.path}: {error}") from None
    return alone


def replace(store: Store, new: Path) -> bool:
    """Replace the file of the store by another, with all data that the store keeps; returns False if another process
    has it open.

    Raises StoreError or OSError: the store is then unchanged.
    """
    try:
        if not _lock(store.base):
            _unlock(store.base)
            return False
        try:
            _copy_kept(store.base, new)
            new.replace(store.path)
        except BaseException:
            _unlock(store.base)
            raise
        store.reopen()
    except sqlite3.Error as error:
        raise StoreError(f"{store.path}: {error}") from None
    return True


def _lock(base: sqlite3.Connection) -> bool:
    """Exclude all other processes from a store, which then has no journal; returns False if one has it open.

    A process that opened the file before it is replaced cannot write it: SQLite notices that the name refers to another
    file.
    """
    try:
        base.execute("PRAGMA main.locking_mode = EXCLUSIVE")
        base.execute("PRAGMA main.journal_mode = DELETE")
    except sqlite3.OperationalError:
        return False
    return True


def _unlock(base: sqlite3.Connection) -> None:
    """Allow access by other processes again."""
    base.execute("PRAGMA main.locking_mode = NORMAL")
    base.execute("PRAGMA main.journal_mode = WAL")
    base.execute("SELECT count(*) FROM meta").fetchone()  # SQLite releases the lock only at the next access


def _copy_kept(base: sqlite3.Connection, new: Path) -> None:
    """Copy the data that a store keeps into another one, in which these tables are empty, and sync it to disk."""
    base.execute("ATTACH ? AS made", (str(new),))
    try:
        for setting in ("journal_mode", "synchronous"):
            base.execute(f"PRAGMA made.{setting} = OFF")
        base.execute("BEGIN")
        for table in KEPT:
            base.execute(f"INSERT INTO made.{table} SELECT * FROM main.{table}")  # noqa: S608 - names from our own list
        base.execute("DELETE FROM made.sqlite_sequence")
        base.execute("INSERT INTO made.sqlite_sequence SELECT * FROM main.sqlite_sequence")
        base.execute(_TEXTS)
        base.execute("COMMIT")
    finally:
        if base.in_transaction:
            base.execute("ROLLBACK")
        base.execute("DETACH made")
    file = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
