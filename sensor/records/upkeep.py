"""Upkeep of the files: those of an hour that is over are put together, what is too old or too much is deleted, what
changed on the disk is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sensor.records.columns import read_rows
from sensor.records.copies import may_delete
from sensor.records.manifest import File, checksum
from sensor.records.outbox import clear_abandoned
from sensor.records.schema import TABLES
from sensor.records.writer import HOUR_US, Writer

# Files of an hour are put together from so many on, at the end of a replay from more: few are read as fast as one. Rows
# in one file, at most.
LEAST, LEAST_AT_END, MOST_ROWS = 2, 8, 100_000
# Seconds after which a file that queries no longer see has no readers.
GRACE_S = 300.0
DAY_US = 86_400_000_000


class Upkeep:
    """``days`` and ``gib``: what is kept; ``days`` None: whatever its age, of a replay."""

    def __init__(self, writer: Writer, days: float | None, gib: float) -> None:
        self.writer, self.manifest, self.days, self.gib = writer, writer.manifest, days, gib

    def run(self, *, final: bool = False) -> None:
        """All of it. ``final``: hours that are not over as well, and there are no readers any more."""
        self.compact(final=final)
        clear_abandoned(self.writer.folder, self.writer.clock())
        self.limit()
        self.delete(0.0 if final else GRACE_S)

    def compact(self, *, final: bool = False) -> int:
        """Files of hours that are over, put together; returns how many there are now."""
        newest = max((file.last for file in self.manifest.files()), default=0) // HOUR_US
        made = 0
        fresh = (file for file in self.manifest.files() if not file.compact and (final or file.hour < newest))
        for (table, hour), some in _grouped(fresh):
            if len(some) >= (LEAST_AT_END if final else LEAST):
                made += sum(self._together(table, hour, part) for part in _portions(some))
        return made

    def _together(self, table: str, hour: int, some: Sequence[File]) -> int:
        """One file in the place of several. Those that are damaged are left out."""
        whole = [file for file in some if self.intact(file)]
        if not whole:
            return 0
        rows = pa.concat_tables([read_rows(self.writer.folder / file.name, TABLES[table]) for file in whole])
        entry = self.writer.file(table, hour, rows.take(pc.sort_indices(rows["ts"])), compact=True)
        with self.manifest.transaction():
            self.manifest.add(entry)
            self.manifest.drop([file.name for file in whole], self.writer.clock())
        return 1

    def intact(self, file: File) -> bool:
        """Whether a file is unchanged. A changed one is removed from the manifest, and reported."""
        path = self.writer.folder / file.name
        try:
            fault = "" if checksum(path) == file.crc else "its content changed since it was written"
        except OSError as error:
            fault = error.strerror or str(error)
        if not fault:
            return True
        with self.manifest.transaction():
            self.manifest.note_damage(self.writer.clock(), file.name, f"{fault}: {file.rows:,} rows are lost")
            self.manifest.drop([file.name], self.writer.clock())
        self.writer.complain(f"{path}: {fault}: {file.rows:,} rows are lost")
        return False

    def limit(self) -> int:
        """Take out what is too old, then the oldest hours of all tables until the rest is not too much; returns how
        many files.
        """
        files = self.manifest.files()
        newest = max((file.last for file in files), default=0)
        gone = [file for file in files if self.days is not None and file.last < newest - self.days * DAY_US]
        left = [file for file in files if file not in set(gone)]
        size = sum(file.size for file in left)
        for _, some in itertools.groupby(sorted(left, key=lambda file: file.hour), key=lambda file: file.hour):
            if size <= self.gib * (1 << 30):
                break
            for file in some:
                gone.append(file)
                size -= file.size
        if gone:
            with self.manifest.transaction():
                self.manifest.drop([file.name for file in gone], self.writer.clock())
        return len(gone)

    def delete(self, grace: float) -> None:
        """Delete what queries do not see any more; later, where it is being copied."""
        names = self.manifest.gone(self.writer.clock() - grace + 1e-3)
        with may_delete(self.writer.folder) as allowed:
            if not allowed:
                return
            for name in names:
                (self.writer.folder / name).unlink(missing_ok=True)
            with self.manifest.transaction():
                self.manifest.forget(names)


def _grouped(files: Iterable[File]) -> Iterator[tuple[tuple[str, int], list[File]]]:
    """Files by table and hour."""
    for key, some in itertools.groupby(
        sorted(files, key=lambda file: (file.table, file.hour)), key=lambda file: (file.table, file.hour)
    ):
        yield key, list(some)


def _portions(files: Sequence[File]) -> Iterator[list[File]]:
    """Files whose rows fit into one."""
    some: list[File] = []
    for file in files:
        if some and sum(one.rows for one in some) + file.rows > MOST_ROWS:
            yield some
            some = []
        some.append(file)
    if some:
        yield some
