"""Upkeep of the files: those of an hour that is over are put together, then those of a day; what is too old or too much
is deleted, what changed on the disk is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sensor.records.columns import read_rows
from sensor.records.copies import may_delete
from sensor.records.manifest import OF_DAY, OF_HOUR, File, checksum
from sensor.records.new_files import ROW_GROUP
from sensor.records.outbox import clear_abandoned
from sensor.records.schema import TABLES
from sensor.records.writer import HOUR_US, Writer

# Files are put together from so many on; at the end of a replay from more, as each span has it.
LEAST = 2
# Seconds after which a file that queries no longer see has no readers.
GRACE_S = 300.0
DAY_US = 86_400_000_000


class Span(NamedTuple):
    """A time whose files are put together. ``rows``: in one file, at most: those of an hour are sorted in memory, those
    of a day are copied file by file, and a search for a rare value reads a file as a whole. ``least_at_end``: files
    from which on they are put together at the end of a replay, since few are read as fast as one.
    """

    hours: int
    level: int
    rows: int
    least_at_end: int


HOUR, DAY = Span(1, OF_HOUR, 100_000, 8), Span(24, OF_DAY, 2 * ROW_GROUP, 4)


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
        """Files of hours and days that are over, put together; returns how many there are now."""
        return sum(self._compact(span, final=final) for span in (HOUR, DAY))

    def _compact(self, span: Span, *, final: bool) -> int:
        files, made, least = self.manifest.files(), 0, span.least_at_end if final else LEAST
        newest = max((file.last for file in files), default=0) // HOUR_US // span.hours
        over = (file for file in files if final or file.hour // span.hours < newest)
        for some in _grouped(over, span):
            if len(some) >= least:
                made += sum(self._together(part, span) for part in _portions(some, span.rows) if len(part) > 1)
        return made

    def _together(self, some: Sequence[File], span: Span) -> int:
        """One file in the place of several. Those that are damaged are left out."""
        whole = [file for file in some if self.intact(file)]
        if not whole:
            return 0
        table = TABLES[whole[0].table]
        tables: Iterable[pa.Table] = (read_rows(self.writer.folder / file.name, table) for file in whole)
        if span.level == OF_HOUR:
            rows = pa.concat_tables(tables)
            tables = [rows.take(pc.sort_indices(rows["ts"]))]
        entry = self.writer.file(table.name, min(file.hour for file in whole), tables, compact=span.level)
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


def _grouped(files: Iterable[File], span: Span) -> Iterator[list[File]]:
    """Files of one table and one hour or day that are to be put together, in the order of time."""

    def place(file: File) -> tuple[str, int]:
        return file.table, file.hour // span.hours

    for _, some in itertools.groupby(sorted(files, key=place), key=place):
        there = sorted(some, key=lambda file: (file.compact, file.rows))
        taken = [file for file in there if file.compact < span.level]
        for file in there[len(taken) :]:
            # What was put together before is taken along once as much came late: so few files are left, and few rows
            # are written again and again.
            if file.compact == span.level and taken and file.rows <= sum(one.rows for one in taken):
                taken.append(file)
        yield sorted(taken, key=lambda file: (file.first, file.name))


def _portions(files: Iterable[File], most: int) -> Iterator[list[File]]:
    """Files whose rows fit into one."""
    some: list[File] = []
    for file in files:
        if some and sum(one.rows for one in some) + file.rows > most:
            yield some
            some = []
        some.append(file)
    if some:
        yield some
