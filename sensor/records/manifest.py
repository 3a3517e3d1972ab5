"""The manifest: the files with records, and their checksums. Queries read it and never list the folder; only the writer
changes it.

Rows move from the tail into a file, and the file is entered in the manifest together with the new tail position: all in
one transaction, so that a writer that is killed at any moment neither loses nor duplicates a row.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sensor import damaged

VERSION = 1
_SCHEMA = """
CREATE TABLE file (
    name TEXT PRIMARY KEY, tbl TEXT NOT NULL, hour INTEGER NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, crc INTEGER NOT NULL, stamp TEXT NOT NULL,
    compact INTEGER NOT NULL, gone_at REAL
) STRICT;
CREATE INDEX file_tbl ON file (tbl, first, last) WHERE gone_at IS NULL;
CREATE TABLE tail (name TEXT PRIMARY KEY, offset INTEGER NOT NULL) STRICT;
CREATE TABLE pending (name TEXT PRIMARY KEY, section BLOB NOT NULL) STRICT;
CREATE TABLE device (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE damage (ts REAL NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL) STRICT;
"""
# In a separate table, so that earlier versions, which ignore it, can still use this manifest.
_CONTENTS = (
    "CREATE TABLE IF NOT EXISTS contents (name TEXT PRIMARY KEY, shape INTEGER NOT NULL, filter BLOB NOT NULL) STRICT",
    "DELETE FROM contents WHERE name NOT IN (SELECT name FROM file)",
)
_OF_THIS_FOLDER = ("DELETE FROM tail", "DELETE FROM pending", "DELETE FROM file WHERE gone_at IS NOT NULL")
_NEEDED = ("file", "tail", "pending", "device")
CHUNK = 1 << 20


NEW, OF_HOUR, OF_DAY = range(3)


class File(NamedTuple):
    """``hour``: hour of its rows, since the epoch; ``first`` and ``last``: first and last time of its rows,
    microseconds; ``stamp``: the file's stat values when it was written; ``compact``: 0 as first written, 1 compacted by
    hour, 2 by day; ``shape``: of its columns, 0 if unknown; ``filter``: Bloom filter of its values, only set when the
    file is entered.
    """

    name: str
    table: str
    hour: int
    rows: int
    size: int
    first: int
    last: int
    crc: int
    stamp: str
    compact: int = NEW
    shape: int = 0
    filter: bytes = b""


class ManifestError(Exception):
    """The manifest cannot be used."""


class DamagedManifest(ManifestError):
    """The content of the file cannot be read."""


def stamp_of(path: Path) -> str:
    """A text that changes if the file is written, copied or replaced."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def checksum(path: Path) -> int:
    """CRC-32 of a file."""
    crc = 0
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            crc = zlib.crc32(part, crc)
    return crc


class Manifest:
    """Open for reading, or for the writer."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        """Raises ManifestError if it is missing (when reading), of another version, or cannot be opened;
        DamagedManifest.
        """
        self.path = path
        try:
            self._db = _to_write(path) if write else _to_read(path)
        except (sqlite3.Error, OSError) as error:
            raise _fault(path, error) from None
        try:
            self._contents = self._checked(write)
        except BaseException:
            self._db.close()
            raise

    def _checked(self, write: bool) -> bool:
        """Whether there is a table of contents, if the tables are those of this version."""
        try:
            if write:
                self._make()
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            contents = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone()
        except sqlite3.Error as error:
            raise _fault(self.path, error) from None
        if found != VERSION:
            raise ManifestError(
                f"{self.path}: version {found}, expected {VERSION}: it was written by another version of the sensor"
            )
        return bool(contents)

    def _make(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
            with self.transaction():
                if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        if self._db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            for statement in _CONTENTS:
                self._db.execute(statement)

    @property
    def is_intact(self) -> bool:
        """Whether the tables without which rows are lost can be read."""
        try:
            damaged.check(self._db, _NEEDED)
        except sqlite3.OperationalError as error:
            raise _fault(self.path, error) from None
        except sqlite3.DatabaseError:
            return False
        return True

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: all changes within it, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # on a full disk, SQLite has rolled back already
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()

    def copy(self, target: Path) -> None:
        """Write its present content to a new file, without data of this folder only: positions in the tail, waiting
        messages, files to be deleted. Raises OSError.
        """
        try:
            with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
                self._db.backup(copy)
                for statement in _OF_THIS_FOLDER:
                    copy.execute(statement)
                copy.execute("PRAGMA journal_mode = DELETE")  # a single file, without a WAL beside it
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}") from None

    # Files.

    def add(self, file: File) -> None:
        self._db.execute("INSERT INTO file VALUES (?,?,?,?,?,?,?,?,?,?,NULL)", file[:10])
        if file.shape:
            self._db.execute("INSERT INTO contents VALUES (?,?,?)", (file.name, file.shape, file.filter))

    def drop(self, names: Iterable[str], now: float) -> None:
        """Hide files from queries; they are deleted later. ``now``: seconds since the epoch."""
        self._db.executemany(
            "UPDATE file SET gone_at = ? WHERE name = ? AND gone_at IS NULL", [(now, name) for name in names]
        )

    def forget(self, names: Iterable[str]) -> None:
        """The files were deleted."""
        for name in names:
            self._db.execute("DELETE FROM file WHERE name = ?", (name,))
            self._db.execute("DELETE FROM contents WHERE name = ?", (name,))

    def settle(self, stamps: Iterable[tuple[str, str]]) -> None:
        """Set new stamps of copied files with unchanged content, by name."""
        self._db.executemany("UPDATE file SET stamp = ?2 WHERE name = ?1", list(stamps))

    def files(self, table: str | None = None, first: int | None = None, last: int | None = None) -> list[File]:
        """Files of a table, or of all, with rows between two times (microseconds), in order of time."""
        shape = "coalesce(shape, 0) FROM file LEFT JOIN contents USING (name)" if self._contents else "0 FROM file"
        found = self._db.execute(
            f"SELECT name, tbl, hour, rows, size, first, last, crc, stamp, compact, {shape} WHERE gone_at "
            "IS NULL AND (?1 IS NULL OR tbl = ?1)"
            " AND (?2 IS NULL OR last >= ?2) AND (?3 IS NULL OR first <= ?3) ORDER BY first, name",
            (table, first, last),
        )
        return [File(*row) for row in found]

    def filters(self, table: str) -> Iterator[tuple[str, bytes]]:
        """The names of a table's files and their filters, for files that have one."""
        if self._contents:
            yield from self._db.execute(
                "SELECT name, filter FROM contents JOIN file USING (name) WHERE tbl = ?", (table,)
            )

    def gone(self, before: float) -> list[str]:
        """Files that were dropped before a time."""
        return [name for (name,) in self._db.execute("SELECT name FROM file WHERE gone_at < ?", (before,))]

    def known(self) -> set[str]:
        """The names of all files, including dropped ones."""
        return {name for (name,) in self._db.execute("SELECT name FROM file")}

    # The writer's position.

    def offsets(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT name, offset FROM tail"))

    def reached(self, name: str, offset: int) -> None:
        self._db.execute(
            "INSERT INTO tail VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET offset = excluded.offset", (name, offset)
        )

    def read_whole(self, name: str) -> None:
        """A tail file was deleted."""
        self._db.execute("DELETE FROM tail WHERE name = ?", (name,))

    def pending(self) -> dict[str, bytes]:
        """Messages that wait for an answer, by run."""
        return dict(self._db.execute("SELECT name, section FROM pending"))

    def keep_pending(self, name: str, sections: bytes) -> None:
        if sections:
            self._db.execute(
                "INSERT INTO pending VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET section = excluded.section",
                (name, sections),
            )
        else:
            self._db.execute("DELETE FROM pending WHERE name = ?", (name,))

    def devices(self) -> dict[str, dict[str, Any]]:
        return {name: json.loads(body) for name, body in self._db.execute("SELECT id, body FROM device")}

    def learn(self, bodies: Iterable[tuple[str, dict[str, Any] | None]]) -> None:
        """Store the latest record of each device; None for those that are gone."""
        for name, body in bodies:
            if body is None:
                self._db.execute("DELETE FROM device WHERE id = ?", (name,))
            else:
                self._db.execute(
                    "INSERT INTO device VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                    (name, json.dumps(body)),
                )

    # Damages.

    def note_damage(self, now: float, name: str, what: str) -> None:
        self._db.execute("INSERT INTO damage VALUES (?, ?, ?)", (now, name, what))

    def damages(self) -> list[tuple[float, str, str]]:
        return list(self._db.execute("SELECT ts, name, what FROM damage ORDER BY ts"))


def _fault(path: Path, error: Exception) -> ManifestError:
    """SQLite reports damaged content with the base class of its errors."""
    return (DamagedManifest if type(error) is sqlite3.DatabaseError else ManifestError)(f"{path}: {error}")


def _to_write(path: Path) -> sqlite3.Connection:
    """The manifest; created if it is missing."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640))
    return sqlite3.connect(path, isolation_level=None, timeout=30)


def _to_read(path: Path) -> sqlite3.Connection:
    """A read-only connection. In a folder without write permission SQLite cannot create the WAL index: if there is no
    WAL, the file is opened as immutable.
    """
    name = f"file:{urllib.parse.quote(str(path))}"
    alone = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(f"{name}?{'immutable=1' if alone else 'mode=ro'}", uri=True, isolation_level=None, timeout=5)
