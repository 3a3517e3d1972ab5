"""Builds the tables of a large log in a file beside the store, which replaces the store when they are complete.

No other process uses that file meanwhile, so it needs no journal, and indexes including the text index are built at the
end, each in one pass. The store keeps its tables until then: if the process ends before, it is unchanged. Memory is
limited to the records of one batch, the pages that SQLite caches, and the cached parties (``party_rows.KEPT_MUCH``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from sensor.core.collection import no_collection
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import notes_log
from sensor.inventory.store.database import NEW
from sensor.inventory.store.replacing import is_alone, replace
from sensor.inventory.store.schema import MIGRATIONS, VERSION
from sensor.inventory.store.schema_parties import LOG_INDICES, SPANS_OF_ALL
from sensor.inventory.store.store import Store
from sensor.tables.apply import Applier
from sensor.tables.batches import batches
from sensor.tables.notes import read_notes
from sensor.tables.position import Position, put_position
from sensor.tables.tables import transaction

# Size of a log in bytes from which on this is faster than batches into the store itself.
LARGE = 4 << 20
CACHE_KIB = 65_536
# Threads in addition to the one that sorts the entries of an index.
THREADS = 1
# Bytes of the text index that FTS5 collects before it writes a part to be merged later; and the same while all texts
# are indexed at once.
TEXTS, TEXTS_MUCH = 1 << 20, 16 << 20

# Called with a number of records.
Progress = Callable[[int], None]


def load(store: Store, log: Path, progress: Progress = lambda _: None) -> int:
    """Build all tables of a log and replace the store, which keeps its original data; returns the number of records. 0
    if the log is small or another process has the store open: then nothing was done. ``progress`` is called with
    numbers of records.

    Raises StoreError or OSError if the store cannot be written or the log cannot be read.
    """
    new = store.path.with_name(NEW)
    new.unlink(missing_ok=True)
    if sum(one.path.stat().st_size for one in parts(log)) < LARGE or not is_alone(store):
        return 0
    try:
        with closing(_begun(new, store.path)) as base:
            records = _fill(base, log, progress)
        return records if replace(store, new) else 0
    finally:
        new.unlink(missing_ok=True)


def _begun(new: Path, like: Path) -> sqlite3.Connection:
    """An empty store without the indexes that are built at the end, with the same permissions as another one."""
    old = like.stat()
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, old.st_mode & 0o777))
    with suppress(PermissionError):
        os.chown(new, old.st_uid, old.st_gid)
    base = sqlite3.connect(new, isolation_level=None)
    base.row_factory = sqlite3.Row
    for setting in ("page_size = 8192", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
        base.execute(f"PRAGMA {setting}")
    base.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    base.execute(f"PRAGMA threads = {THREADS}")
    base.executescript("\n".join(MIGRATIONS) + f"PRAGMA user_version = {VERSION}")
    for statement in LOG_INDICES:
        base.execute(f"DROP INDEX {statement.split()[5]}")
    return base


def _fill(base: sqlite3.Connection, log: Path, progress: Progress) -> int:
    with no_collection(), transaction(base):
        applier, place = Applier(base, indexed=False), Position()
        records = 0
        with closing(batches(log)) as source:
            for batch in source:
                applier.apply(batch)
                place = Position(batch.seq, batch.last_id)
                records += batch.records
                progress(batch.records)
        place = place._replace(notes_size=_take_notes(applier, log), unusable=applier.unusable)
        put_position(base, place)
        for statement in (*LOG_INDICES, SPANS_OF_ALL):
            base.execute(statement)
        _index_texts(base)
    return records


def _index_texts(base: sqlite3.Connection) -> None:
    size = "INSERT INTO alert_text (alert_text, rank) VALUES ('hashsize', ?)"
    base.execute(size, (TEXTS_MUCH,))
    base.execute("INSERT INTO alert_text (alert_text) VALUES ('rebuild')")
    base.execute(size, (TEXTS,))


def _take_notes(applier: Applier, log: Path) -> int:
    """Apply all notes; returns their size in bytes."""
    notes, notes_size = read_notes(notes_log(log), 0)
    while notes:
        applier.take_notes(notes)
        notes, notes_size = read_notes(notes_log(log), notes_size)
    return notes_size
