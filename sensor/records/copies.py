"""Copies of the records for backups and exports: the manifest at one moment and the files that it lists.

Files never change once they are listed, and none is deleted while it is copied. Data that was delivered but not yet
written, and data that waits for outputs, is not part of a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from sensor.core.lazy_pattern import lazy_pattern
from sensor.records.manifest import Manifest, ManifestError, checksum, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.schema import TABLES

# File names of the writer: hour since the epoch, time of writing, number.
_FILE = lazy_pattern(r"\d{1,9}-[0-9a-f]{1,20}-\d{1,12}\.parquet")


@contextlib.contextmanager
def copying(folder: Path) -> Iterator[None]:
    """Within this context no file is deleted (``may_delete``). On file systems without locks a copy may lack files,
    which answers then report. Raises OSError.
    """
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_SH)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def may_delete(folder: Path) -> Iterator[bool]:
    """Whether no process copies the files; within this context none can start to."""
    number, allowed = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), True
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            allowed = not isinstance(error, BlockingIOError)
        yield allowed
    finally:
        os.close(number)


def copy_manifest(folder: Path, target: Path) -> list[str]:
    """Copy the present manifest; returns the names of the files that it lists. Raises OSError if it cannot be read or
    written, or lists files with unexpected names.
    """
    try:
        manifest = Manifest(folder / MANIFEST)
    except ManifestError as error:
        raise OSError(str(error)) from None
    target.touch(mode=0o640)
    try:
        manifest.copy(target)
    finally:
        manifest.close()
    copied = Manifest(target)
    try:
        names = [file.name for file in copied.files()]
    finally:
        copied.close()
    if (foreign := _foreign(names)) is not None:
        raise OSError(f"{folder / MANIFEST}: lists the file {foreign!r}, expected TABLE/FILE.parquet")
    return names


def settle(manifest: Manifest, folder: Path) -> None:
    """Update the stamps of copied files whose checksum is unchanged: queries then trust them without reading them
    completely.
    """
    stamps = []
    for file in manifest.files():
        path = folder / file.name
        with contextlib.suppress(OSError):  # queries report a missing file
            stamp = stamp_of(path)  # before the checksum: later changes are then detected
            if stamp != file.stamp and checksum(path) == file.crc:
                stamps.append((file.name, stamp))
    if stamps:
        with manifest.transaction():
            manifest.settle(stamps)


def take_over(folder: Path) -> None:
    """Prepare a copy for use. Raises ManifestError if its manifest is damaged, or lists files with unexpected names."""
    if not (folder / MANIFEST).is_file():
        raise ManifestError(f"{folder / MANIFEST}: is missing")
    manifest = Manifest(folder / MANIFEST, write=True)
    try:
        if (foreign := _foreign(manifest.known())) is not None:
            raise ManifestError(f"{folder / MANIFEST}: lists the file {foreign!r}, expected TABLE/FILE.parquet")
        settle(manifest, folder)
    except sqlite3.Error as error:
        raise ManifestError(f"{folder / MANIFEST}: is damaged: {error}") from None
    finally:
        manifest.close()


def is_file(table: str, name: str) -> bool:
    """Whether a name is a valid file name of a table."""
    return table in TABLES and TABLES[table].stored and _FILE.fullmatch(name) is not None


def _foreign(names: Iterable[str]) -> str | None:
    """The first name that the writer would not use; it may point outside the folder."""
    return next((name for name in sorted(names) if not is_file(*name.partition("/")[::2])), None)
