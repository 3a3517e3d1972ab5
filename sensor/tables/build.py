"""Builds the tables: brought up to date in a folder by a reader, rebuilt from the log, or built from a log alone in a
temporary database.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import notes_log
from sensor.eventlog.reader import Reader
from sensor.inventory.store.database import FILE, StoreError, StoreInUse, connect
from sensor.inventory.store.operator_values import corrections_of
from sensor.inventory.store.rows import fill_rows, unlisted
from sensor.inventory.store.schema import KEPT, MIGRATIONS, VERSION
from sensor.inventory.store.store import Store
from sensor.tables.apply import Applier
from sensor.tables.batch import batch_of
from sensor.tables.lines import line_of
from sensor.tables.load import Progress, load
from sensor.tables.mute_rows import follow_mutes
from sensor.tables.notes import read_notes
from sensor.tables.position import clear, position
from sensor.tables.record_cursor import Record
from sensor.tables.tables import MANY, MUCH, Tables, ends_at, transaction


class Built(NamedTuple):
    """``records``: number of records added; ``note``: a message about the store, empty if there is none."""

    records: int
    note: str


def rebuild(folder: Path, log: Path, progress: Progress = lambda _: None) -> Built:
    """Rebuild all tables of a folder from its log; devices and operator values are kept. ``progress`` is called with
    numbers of records.

    Raises StoreInUse if a sensor writes there, another StoreError if the store cannot be used, OSError if the log
    cannot be read.
    """
    return _built(folder, log, progress, rebuilt=True)


def catch_up(folder: Path, log: Path) -> Built:
    """Bring the tables of a folder up to date with its log: after a crash, an upgrade, or an operator change. Does
    nothing if a sensor writes them.

    Raises StoreError if the store cannot be used, OSError if it cannot be written or the log cannot be read.
    """
    path = folder / FILE
    if path.is_file() and os.access(path, os.W_OK) and (done := _a_little(path, log)) is not None:
        return done
    try:
        return _built(folder, log, lambda _: None, rebuilt=False)
    except StoreInUse:
        return Built(0, "")


def list_devices(folder: Path) -> bool:
    """Make the rows for lists of devices, if an inventory has none yet. Returns whether all devices have rows; raises
    sqlite3.Error if the store is damaged.
    """
    base = connect(folder / FILE, readonly=not os.access(folder / FILE, os.W_OK))
    try:
        if unlisted(base):
            with transaction(base):
                fill_rows(base, corrections_of(base))
        return True
    except sqlite3.OperationalError:  # not writable, or another process writes it
        return not unlisted(base)
    finally:
        base.close()


def behind(base: sqlite3.Connection, log: Path) -> bool:
    """Whether a log or its notes have more than the tables, or devices have no rows yet. Raises StoreError if the store
    is damaged, OSError if the log cannot be read.
    """
    try:
        there, lacking = position(base), unlisted(base)
    except sqlite3.Error as error:
        raise StoreError(str(error)) from None
    try:
        size = notes_log(log).stat().st_size
    except FileNotFoundError:
        size = there.notes_size
    if size != there.notes_size or not there.whole or lacking:
        return True
    return bool(parts(log)) and not ends_at(log, there.seq, there.record)


def _a_little(path: Path, log: Path) -> Built | None:
    """A store of the current version that is not far behind needs no check of all its pages. None if it is not in that
    state, or this fails.
    """
    try:
        base = connect(path)
    except sqlite3.Error:
        return None
    try:
        if (
            base.execute("PRAGMA user_version").fetchone()[0] != VERSION
            or not (there := position(base)).seq
            or not there.whole
        ):
            return None
        if unlisted(base):
            with transaction(base):
                fill_rows(base, corrections_of(base))
        tables = Tables(base, log)
        try:
            while tables.advance():
                pass
            follow_mutes(base, log)
        finally:
            tables.close()
        return Built(tables.records, tables.rebuilt)
    except (sqlite3.Error, StoreError):
        return None
    finally:
        base.close()


def _built(folder: Path, log: Path, progress: Progress, *, rebuilt: bool) -> Built:
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    store = Store(folder, KEPT if rebuilt else ())
    try:
        loaded = load(store, log, progress) if rebuilt or not position(store.base).seq else 0
        if rebuilt and not loaded:
            store.close()
            store = Store(folder)  # checks the whole store now
            with transaction(store.base):
                clear(store.base)
        tables = Tables(store.base, log)
        try:
            while count := tables.advance(MANY, MUCH):
                progress(count)
            follow_mutes(store.base, log)
        finally:
            tables.close()
        return Built(loaded + tables.records, "; ".join(filter(None, (store.note, tables.rebuilt))))
    except sqlite3.Error as error:
        raise StoreError(f"{folder / FILE}: {error}") from None
    finally:
        store.close()


def of_log(log: Path) -> sqlite3.Connection:
    """All tables of a log, including devices, in a database that is deleted when it is closed: on disk if it is large.
    Raises OSError if the log cannot be read.
    """
    base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    base.row_factory = sqlite3.Row
    base.execute("PRAGMA journal_mode = OFF")
    base.executescript("\n".join(MIGRATIONS))
    applier, taken = Applier(base), list[Record]()
    with transaction(base):
        for number, (line, _) in enumerate(Reader(log).pairs(), 1):
            taken.append((number, line, line_of(line)))
            if len(taken) == MANY:
                applier.apply(batch_of(taken, devices=True))
                taken = []
        applier.apply(batch_of(taken, devices=True))
        notes, read = read_notes(notes_log(log), 0)
        while notes:
            applier.take_notes(notes)
            notes, read = read_notes(notes_log(log), read)
    follow_mutes(base, log)
    base.execute("PRAGMA query_only = 1")
    return base
