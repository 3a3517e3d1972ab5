"""Damaged SQLite databases: found with ``quick_check``, and kept under another name."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

# Names of a database and of the files that belong to it, by their ends (https://sqlite.org/tempfiles.html).
SIDES = ("", "-wal", "-shm")
SUFFIX = ".damaged"


def check(base: sqlite3.Connection, tables: Sequence[str] = ()) -> None:
    """Check these tables, all if empty. Raises sqlite3.DatabaseError if one is damaged."""
    for part in tables or ("1",):  # a table name, or the maximum number of errors to report for all tables
        fault = base.execute(f"PRAGMA quick_check({part})").fetchone()[0]
        if fault != "ok":
            raise sqlite3.DatabaseError(fault.splitlines()[-1])


def rename(path: Path) -> Path:
    """Rename a database and the files that belong to it to ``NAME.damaged-1``, or the next free number; nothing has
    this path if there was no database.
    """
    number = 1
    while (renamed := path.with_name(f"{path.name}{SUFFIX}-{number}")).exists():
        number += 1
    for side in SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(renamed.with_name(renamed.name + side))
    return renamed
