"""The database of imported vulnerabilities: ``vulnerabilities.db`` in the state folder. SQLite, because a quarter of a
million CVEs do not fit in memory.

A CVE is stored as a number, year × 10⁸ + number, once for each source that reports it. Rules are found by product,
products by the words of their names.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

FILE, VERSION = "vulnerabilities.db", 1
# Time (s) to wait for another process that writes.
TIMEOUT_S = 5.0
SOURCES = ("nvd", "cve", "csaf")
_YEAR = 10**8
_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE sources (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, place TEXT NOT NULL, stamp TEXT NOT NULL, imported TEXT NOT NULL, entries INTEGER NOT NULL,
    broken INTEGER NOT NULL, trouble TEXT NOT NULL, etag TEXT NOT NULL, modified TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE cves (
    id INTEGER NOT NULL, source INTEGER NOT NULL, title TEXT NOT NULL, cvss REAL, cvss_version TEXT NOT NULL, published TEXT NOT NULL, modified TEXT NOT NULL,
    rejected INTEGER NOT NULL, cut INTEGER NOT NULL, exploited TEXT NOT NULL, PRIMARY KEY (id, source)
) WITHOUT ROWID;
CREATE TABLE products (id INTEGER PRIMARY KEY, vendor TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (vendor, name));
CREATE TABLE words (vendor TEXT NOT NULL, word TEXT NOT NULL, product INTEGER NOT NULL, PRIMARY KEY (vendor, word, product)) WITHOUT ROWID;
CREATE TABLE rules (
    product INTEGER NOT NULL, cve INTEGER NOT NULL, source INTEGER NOT NULL, number INTEGER NOT NULL,
    ranges BLOB NOT NULL, hardware BLOB NOT NULL, unclear TEXT NOT NULL, PRIMARY KEY (product, cve, source, number)
) WITHOUT ROWID;
CREATE INDEX rules_cve ON rules (cve, source);
CREATE TABLE exploited (cve INTEGER PRIMARY KEY, name TEXT NOT NULL, added TEXT NOT NULL, due TEXT NOT NULL, ransomware INTEGER NOT NULL, action TEXT NOT NULL);
CREATE TABLE scores (cve INTEGER PRIMARY KEY, probability REAL NOT NULL, percentile REAL NOT NULL);
PRAGMA user_version = 1;
COMMIT;
"""
# CVEs and advisories of each feed, so that a feed can be removed, and the time when each CVE was imported first, which
# stays when its feeds are removed. Files of earlier versions lack them: of their CVEs, that time is unknown.
_MEMBERS = """
CREATE TABLE IF NOT EXISTS feeds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS members (cve INTEGER NOT NULL, source INTEGER NOT NULL, feed INTEGER NOT NULL, PRIMARY KEY (cve, source, feed)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS advisories (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, feed INTEGER NOT NULL, modified TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS first_imports (cve INTEGER PRIMARY KEY, moment TEXT NOT NULL);
"""


class DatabaseError(Exception):
    """The file cannot be used; the text is the reason, for the user."""


def number_of(cve: str) -> int:
    """CVE-2021-36260 as a number."""
    _, year, number = cve.split("-")
    return int(year) * _YEAR + int(number)


def name_of(number: int) -> str:
    """The inverse; numbers have at least four digits."""
    year, number = divmod(number, _YEAR)
    return f"CVE-{year}-{number:04}"


@contextlib.contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """All changes within it, or none, as after a ROLLBACK within it. Raises DatabaseError if they cannot be written."""
    try:
        base.execute("BEGIN IMMEDIATE")
        try:
            yield
            if base.in_transaction:
                base.execute("COMMIT")
        except BaseException:
            if base.in_transaction:  # on a full disk, SQLite has rolled back already
                base.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise DatabaseError(f"cannot write the vulnerabilities: {error}") from None


def open_to_write(folder: Path) -> sqlite3.Connection:
    """The file with its tables; created if absent, with the owner of the folder. Raises DatabaseError."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make(path)
        base = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)
        return _verified(base, path, _made)
    except OSError as error:
        raise DatabaseError(f"{path}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise DatabaseError(f"{path}: {error}") from None


def open_to_read(folder: Path) -> sqlite3.Connection | None:
    """The file, if it exists. Raises DatabaseError if it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        base = _to_read(path)
    except sqlite3.Error as error:
        raise DatabaseError(f"{path}: {error}") from None
    return _verified(base, path, lambda _: None)


def _verified(base: sqlite3.Connection, path: Path, ready: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """The file if it is ready and has our tables; otherwise it is closed again."""
    try:
        ready(base)
        return _checked(base, path)
    except sqlite3.Error as error:
        base.close()
        raise DatabaseError(f"{path}: {error}") from None


def _made(base: sqlite3.Connection) -> None:
    """Create the tables."""
    if _version(base) == 0:
        base.execute("PRAGMA page_size = 8192")
    base.execute("PRAGMA journal_mode = WAL")  # a restored backup is not in WAL mode
    if _version(base) == 0:
        base.executescript(_TABLES)
    base.executescript(_MEMBERS)


def _to_read(path: Path) -> sqlite3.Connection:
    """If the folder is not writable and no import runs, the file is opened as immutable."""
    base = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        base.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        base.close()
        base = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error:
        base.close()
        raise
    return base


def _make(path: Path) -> None:
    """Create the empty file. A file that root creates belongs to the sensor's user."""
    if path.exists():
        return
    path.touch(0o640)
    there = path.parent.stat()
    with contextlib.suppress(PermissionError):
        os.chown(path, there.st_uid, there.st_gid)


def _version(base: sqlite3.Connection) -> int:
    return int(base.execute("PRAGMA user_version").fetchone()[0])


def _checked(base: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    if (version := _version(base)) != VERSION:
        base.close()
        raise DatabaseError(
            f"{path}: its tables have version {version}, expected {VERSION}: remove it and import again"
        )
    base.row_factory = sqlite3.Row
    return base
