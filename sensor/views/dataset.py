"""A dataset opened for reading: the tables of a folder, or of a log alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self

from sensor.core.ids import short_id
from sensor.inventory.store.database import FILE, look_into, other_version
from sensor.inventory.store.schema import VERSION
from sensor.tables.build import of_log
from sensor.tables.position import Position, position
from sensor.views.errors import Ambiguous, NotReadable, Unknown

CACHE_KIB = 8192
SHOWN = 5


class Data:
    """A read-only connection of one reader. Close it, or use it in a ``with`` statement."""

    def __init__(self, base: sqlite3.Connection, folder: Path | None = None) -> None:
        """``folder``: of the dataset, None for an event log that is read alone."""
        self.base, self.folder = base, folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.base.close()

    @property
    def inventory(self) -> bool:
        """Whether there is an inventory: without one, evidence, baseline and conversations are unknown."""
        return self.folder is not None

    @property
    def position(self) -> Position:
        """The position of the tables: the last record of the log that they contain."""
        return position(self.base)

    def resolve(self, table: str, start: str) -> str:
        """The id in a table (alerts, incidents, recommendations, device_rows) that begins with a text. Raises Unknown
        if there is none, Ambiguous if there are several.
        """
        exact = self.base.execute(f"SELECT id FROM {table} WHERE id = ?", (start,)).fetchone()  # noqa: S608 - our own names, here and below
        if exact is not None:
            return str(exact[0])
        wanted = f"SELECT id FROM {table} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"  # noqa: S608
        found = [str(row[0]) for row in self.base.execute(wanted, (start, start + "\U0010ffff", SHOWN)) if start]
        if not found and short_id(start) != start:  # an entity with an id of an earlier version
            same = f"SELECT id FROM {table} WHERE id = ?"  # noqa: S608
            found = [str(row[0]) for row in self.base.execute(same, (short_id(start),))]
        if len(found) == 1:
            return found[0]
        if found:
            raise Ambiguous(start, found)
        near = f"SELECT id FROM {table} WHERE id >= ? ORDER BY id LIMIT ?"  # noqa: S608
        raise Unknown("id", start, [str(row[0]) for row in self.base.execute(near, (start[:-2], SHOWN))])


def open_folder(folder: Path) -> Data:
    """The tables of a folder. Raises NotReadable if there are none of this version: ``tables.build.catch_up`` builds
    them if the folder is writable.
    """
    path = folder / FILE
    if not path.is_file():
        raise NotReadable(f"{path}: no inventory")
    try:
        base = look_into(path)
        (version,) = base.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise NotReadable(f"{path}: {error}") from None
    if version != VERSION:
        base.close()
        raise NotReadable(other_version(path, version))
    base.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    base.execute("PRAGMA query_only = 1")
    return Data(base, folder)


def open_log(log: Path) -> Data:
    """The tables of a log that is read without an inventory. Raises OSError if it cannot be read."""
    return Data(of_log(log))
