"""Maintenance of the files: those of a past hour are compacted, then those of a past day; old or excess files are
deleted, files changed on disk are detected.
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

# Numbers of files from which on they are compacted: while the sensor runs, and at the end of a replay, which waits for
# it: a few can be read as fast as one.
LEAST, LEAST_AT_END = 2, 16
# Seconds after which a hidden file has no readers.
GRACE_S = 300.0
DAY_US = 86_400_000_000


class Span(NamedTuple):
    """A time span whose files are compacted. ``rows``: limit per file: those of an hour are sorted in memory, those of
    a day are copied file by file, and a search for a rare value reads a whole file.
    """

    hours: int
    level: int
    rows: int


HOUR, DAY = Span(1, OF_HOUR, 100_000), Span(24, OF_DAY, 2 * ROW_GROUP)


class Upkeep:
    """``days`` and ``gib``: how much is kept; ``days`` None: regardless of age, for replays."""

    def __init__(self, writer: Writer, days: float | None, gib: float) -> None:
        self.writer, self.manifest, self.days, self.gib = writer, writer.manifest, days, gib

    def run(self, *, final: bool = False) -> None:
        """Run all steps. ``final``: include the current hour; there are no readers any more."""
        self.compact(final=final)
        clear_abandoned(self.writer.folder, self.writer.clock())
        self.limit()
        self.delete(0.0 if final else GRACE_S)

    def compact(self, *, final: bool = False) -> int:
        """Compact the files of past hours and days; returns the number of new files."""
        return sum(self._compact(span, final=final) for span in (HOUR, DAY))

    def _compact(self, span: Span, *, final: bool) -> int:
        files, made, least = self.manifest.files(), 0, LEAST_AT_END if final else LEAST
        newest = max((file.last for file in files), default=0) // HOUR_US // span.hours
        over = (file for file in files if final or file.hour // span.hours < newest)
        for some in _grouped(over, span):
            if len(some) >= least:
                made += sum(self._together(part, span) for part in _portions(some, span.rows) if len(part) > 1)
        return made

    def _together(self, some: Sequence[File], span: Span) -> int:
        """Replace several files by one. Damaged ones are left out."""
        whole = [file for file in some if self.intact(file)]
        if not whole:
            return 0
        table = TABLES[whole[0].table]
        tables: Iterable[pa.Table] = (read_rows(self.writer.folder / file.name, table, as_coded=True) for file in whole)
        if span.level == OF_HOUR:
            rows = pa.concat_tables(tables).unify_dictionaries()
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
        """Remove old files, then the oldest hours of all tables until the size is within its limit; returns the number
        of files.
        """
        files = self.manifest.files()
        # Rows with future times, from before a clock correction, make no others old.
        newest = min(max((file.last for file in files), default=0), int(self.writer.clock() * 1e6))
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
        """Delete hidden files; postponed while files are being copied."""
        names = self.manifest.gone(self.writer.clock() - grace + 1e-3)
        with may_delete(self.writer.folder) as allowed:
            if not allowed:
                return
            for name in names:
                (self.writer.folder / name).unlink(missing_ok=True)
            with self.manifest.transaction():
                self.manifest.forget(names)


def _grouped(files: Iterable[File], span: Span) -> Iterator[list[File]]:
    """Files of one table and one hour or day to be compacted, in order of time."""

    def place(file: File) -> tuple[str, int]:
        return file.table, file.hour // span.hours

    for _, some in itertools.groupby(sorted(files, key=place), key=place):
        there = sorted(some, key=lambda file: (file.compact, file.rows))
        taken = [file for file in there if file.compact < span.level]
        for file in there[len(taken) :]:
            # A compacted file is included again once as much data came late: so few files remain, and few rows are
            # rewritten repeatedly.
            if file.compact == span.level and taken and file.rows <= sum(one.rows for one in taken):
                taken.append(file)
        yield sorted(taken, key=lambda file: (file.first, file.name))


def _portions(files: Iterable[File], most: int) -> Iterator[list[File]]:
    """Files whose rows fit into one file."""
    some: list[File] = []
    for file in files:
        if some and sum(one.rows for one in some) + file.rows > most:
            yield some
            some = []
        some.append(file)
    if some:
        yield some
