"""Outboxes: files of records that wait for an output, one folder per output. The writer copies a file into each outbox
that wants its table before the manifest lists it; the forwarder removes what it has delivered. So no record is left
out, and records that are sent again after a crash have the same ids.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.records.derived import completed
from sensor.records.manifest import File
from sensor.records.query_process import plain
from sensor.records.schema import TABLES

FOLDER, WANTED, DROPPED, SUFFIX = "outbox", "wanted.json", "dropped.json", ".parquet"
# Bytes that may wait in an outbox before the oldest files are dropped; seconds after which an outbox without a
# forwarder is deleted.
MOST, ABANDONED_S = 1 << 30, 7 * 86_400.0


class Unreadable(Exception):
    """A waiting file is damaged or missing; the message contains its path."""


class Waiting(msgspec.Struct, frozen=True):
    """A waiting file: its table and its rows."""

    path: Path
    table: str
    rows: int


class Outbox:
    """The outbox of one output. ``kinds``: the tables that it wants."""

    def __init__(self, records: Path, name: str, kinds: Sequence[str]) -> None:
        """Raises OSError if it cannot be created."""
        self.folder = records / FOLDER / name
        self.folder.mkdir(mode=0o770, parents=True, exist_ok=True)
        _replace(self.folder / WANTED, msgspec.json.encode(sorted(kinds)))

    def waiting(self) -> list[Waiting]:
        """The waiting files, the oldest first."""
        return list(_waiting(self.folder))

    def touch(self) -> None:
        """Mark the outbox as in use."""
        os.utime(self.folder / WANTED)

    def dropped(self) -> int:
        """Number of rows dropped for lack of room."""
        return _dropped(self.folder)


def rows_of(waiting: Waiting) -> Iterator[dict[str, Any]]:
    """The rows of a file, in order of time. Raises Unreadable."""
    try:
        table = completed(TABLES[waiting.table], pq.read_table(waiting.path, partitioning=None))
    except (OSError, pa.ArrowException) as error:
        raise Unreadable(f"{waiting.path}: {error}") from None
    for batch in table.take(pc.sort_indices(table["ts"])).to_batches(max_chunksize=8192):
        for row in batch.to_pylist():
            yield {name: plain(value) for name, value in row.items()}


# The writer's functions.


def put(records: Path, files: Sequence[File]) -> None:
    """Copy new files into the outboxes that want them. A file that cannot be copied is dropped there, and counted.

    Hard links are not used: they would change the timestamps by which queries detect modified files.
    """
    for folder in _outboxes(records):
        kinds = _wanted(folder)
        for number, file in enumerate(file for file in files if file.table in kinds):
            name = f"{time.time_ns():020}-{number:04}-{file.table}-{file.rows}{SUFFIX}"
            fresh = (folder / name).with_suffix(".new")
            try:
                shutil.copyfile(records / file.name, fresh)
                fresh.rename(folder / name)
            except OSError:
                fresh.unlink(missing_ok=True)
                _count(folder, file.rows)
        _bound(folder)


def clear_abandoned(records: Path, now: float) -> None:
    """Remove outboxes without a reader. ``now``: seconds since the epoch."""
    for folder in _outboxes(records):
        with contextlib.suppress(OSError):
            if now - (folder / WANTED).stat().st_mtime > ABANDONED_S:
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()


def every(records: Path) -> Iterator[Waiting]:
    """All files that wait for any output."""
    return itertools.chain.from_iterable(map(_waiting, _outboxes(records)))


def replace(waiting: Waiting, rows: pa.Table) -> None:
    """Replace a file by one with fewer rows, or delete it if there are none. The name contains the number of rows: a
    delivery in progress restarts the file. Raises OSError.
    """
    if len(rows):
        fresh = waiting.path.with_suffix(".new")
        pq.write_table(rows, fresh, compression="zstd", store_schema=False)
        fresh.rename(waiting.path.with_name(f"{waiting.path.stem.rpartition('-')[0]}-{len(rows)}{SUFFIX}"))
    waiting.path.unlink(missing_ok=True)


def _outboxes(records: Path) -> list[Path]:
    folder = records / FOLDER
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _wanted(folder: Path) -> frozenset[str]:
    """The tables that an outbox wants; none if that cannot be read."""
    try:
        return frozenset(msgspec.json.decode((folder / WANTED).read_bytes(), type=list[str]))
    except (OSError, msgspec.DecodeError):
        return frozenset()


def _waiting(folder: Path) -> Iterator[Waiting]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        _, _, table, rows = path.stem.split("-", 3)
        yield Waiting(path, table, int(rows))


def _bound(folder: Path) -> None:
    """Drop the oldest files of a full outbox."""
    sizes = [(one, one.path.stat().st_size) for one in _waiting(folder)]
    size = sum(size for _, size in sizes)
    for one, own in sizes:
        if size <= MOST:
            return
        size -= own
        one.path.unlink(missing_ok=True)
        _count(folder, one.rows)


def _dropped(folder: Path) -> int:
    try:
        return msgspec.json.decode((folder / DROPPED).read_bytes(), type=int)
    except (OSError, msgspec.DecodeError):
        return 0


def _count(folder: Path, rows: int) -> None:
    _replace(folder / DROPPED, msgspec.json.encode(_dropped(folder) + rows))


def _replace(path: Path, data: bytes) -> None:
    """Replace a file atomically."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)
