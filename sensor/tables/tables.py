"""Tables: brings the tables of a store up to date with its event log, batch by batch, each in one transaction with the
position it reaches.

Lines are read from the log itself, so the tables never contain data that it does not have, and nothing is lost if the
process ends at any moment: the next one continues at the stored position. Another log at the same place (a replay that
started again, a log that lost its end) is detected by the id of the last record; the tables are then rebuilt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import notes_log
from sensor.eventlog.segments import segments
from sensor.inventory.store.database import StoreError
from sensor.tables.apply import Applier
from sensor.tables.batch import Batch, batch_of, id_of
from sensor.tables.notes import Note, read_notes
from sensor.tables.position import Position, clear, position, put_position
from sensor.tables.pruning import prune
from sensor.tables.record_cursor import RecordCursor

# Limits of a batch: the writer is not blocked for more than some tens of ms.
LINES, SIZE = 1000, 2 << 20
# The same if there is no other writer.
MANY, MUCH = 10_000, 32 << 20


class Tables:
    """Used by one thread. ``records``: number of lines added; ``rebuilt``: why the tables were rebuilt, empty if they
    were not.
    """

    def __init__(self, base: sqlite3.Connection, log: Path) -> None:
        """``base``: open for writing, with tables of the current version. Raises StoreError or OSError if it or the log
        cannot be read.
        """
        self._base, self.log = base, log
        self._notes = notes_log(log)
        self.records, self.rebuilt = 0, ""
        self._cursor: RecordCursor | None = None
        self._first = 0
        self._there, self._applier = Position(), Applier(base)
        try:
            there = position(base)
            if there.seq and parts(log) and not holds(log, there.seq, there.record):
                with transaction(base):
                    self._empty("the event log is not the one that the tables were built from")
            if not there.whole:
                with transaction(base):
                    self._empty("an earlier sensor stopped while it built them")
            self._go_to(position(base))
        except sqlite3.Error as error:
            raise StoreError(str(error)) from None

    def close(self) -> None:
        """Close open files of the log. The connection belongs to the caller."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def advance(self, lines: int = LINES, size: int = SIZE) -> int:
        """Apply the next records, at most ``lines``; returns the number of records and notes. Raises StoreError or
        OSError: none of them was applied.
        """
        cursor = self._cursor or self._go_to(position(self._base))
        batch = batch_of(cursor.records(lines, size))
        notes, notes_size = read_notes(self._notes, self._there.notes_size)
        if not batch.records and notes_size == self._there.notes_size:
            return 0
        try:
            return self._take(batch, notes, notes_size)
        except sqlite3.Error as error:
            self.close()
            raise StoreError(str(error)) from None
        except BaseException:
            self.close()
            raise

    def tidy(self) -> None:
        """Delete rows that the log has removed by age. Raises StoreError if they cannot be written."""
        first = next((one.first for one in segments(self.log)), 0)
        if first <= self._first:
            return
        try:
            with transaction(self._base):
                self._first = first if prune(self._base, first) else self._first
        except sqlite3.Error as error:
            raise StoreError(str(error)) from None
        finally:
            self.close()

    def _take(self, batch: Batch, notes: Sequence[Note], notes_size: int) -> int:
        with transaction(self._base):
            there = position(self._base)
            if there != self._there:  # another process was faster
                self._go_to(there)
                return 1
            if batch.records and batch.first <= there.seq:
                there = Position()
                self._empty("the event log started again")
                notes, notes_size = read_notes(self._notes, 0)
            before = self._applier.unusable
            self._applier.apply(batch)
            self._applier.take_notes(notes)
            seq, record = (batch.seq, batch.last_id) if batch.records else (there.seq, there.record)
            self._there = Position(seq, record, notes_size, there.unusable + self._applier.unusable - before)
            put_position(self._base, self._there)
        self.records += batch.records
        return batch.records + len(notes)

    def _go_to(self, there: Position) -> RecordCursor:
        self.close()
        self._there, self._applier = there, Applier(self._base)
        self._cursor = RecordCursor(self.log, there.seq)
        return self._cursor

    def _empty(self, why: str) -> None:
        clear(self._base)
        self.rebuilt = why
        self._applier = Applier(self._base)


def holds(log: Path, seq: int, record: str) -> bool:
    """Whether a log contains the record with a number and an id, or has removed it by age. Raises OSError."""
    cursor = LogCursor(log, seq - 1)
    try:
        found = cursor.read(1)
    finally:
        cursor.close()
    if not found:
        return False
    number, line = found[0]
    if number == seq:
        return id_of(line) == record
    return next((one.first for one in segments(log)), 0) > seq


def ends_at(log: Path, seq: int, record: str) -> bool:
    """Whether the record with a number and an id is the last one of a log. Raises OSError."""
    if seq and not holds(log, seq, record):
        return False
    cursor = LogCursor(log, seq)
    try:
        return not cursor.read(1)
    finally:
        cursor.close()


@contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """A transaction: all changes within it, or none."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:
            base.execute("ROLLBACK")
        raise
