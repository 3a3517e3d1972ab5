"""The database of a console's users, sessions and views: a file in its state folder, or that of a hub, which several
consoles share. Statements are those that SQLite and PostgreSQL both have, with ``?`` for values.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sensor.views.errors import NotReadable

FILE = "console.db"


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Base(Protocol):
    """An open connection."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows: ...


class Store(Protocol):
    """Thread-safe: each use has its own connection."""

    def create(self, schema: str) -> None:
        """Create tables that do not exist, in a file; those of a hub exist."""

    def connected(self) -> AbstractContextManager[Base]:
        """A connection. What is written is complete at the end. Raises NotReadable."""


class StateStore:
    """A file in the state folder, accessible to its owner alone."""

    def __init__(self, state: Path) -> None:
        """Raises OSError or sqlite3.Error if the state folder cannot be written."""
        self.path = state / FILE
        made = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:  # the service must read what root adds
                owner = state.stat()
                os.fchown(made, owner.st_uid, owner.st_gid)
        finally:
            os.close(made)

    def create(self, schema: str) -> None:
        """Raises sqlite3.Error: a console without its database does not start."""
        with self._open() as base:
            base.executescript(schema)

    @contextlib.contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Raises NotReadable, such as on a full disk."""
        try:
            with self._open() as base:
                yield base
        except sqlite3.Error as error:
            raise NotReadable(f"{self.path}: {error}") from None

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(self.path, timeout=5.0, isolation_level=None))
