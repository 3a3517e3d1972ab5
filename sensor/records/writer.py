"""The writer: moves data from the tail into Parquet files, one or several per table and hour. It runs in a separate
process.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sensor.core.addresses import Networks
from sensor.eventlog.disk import sync_folder
from sensor.records import flows, outbox
from sensor.records.batch import WAIT, Batch, RowContext
from sensor.records.block import CONNECTION, COUNT, HEAD, Part, Rows, parts, section_of, together
from sensor.records.builders import tables_of
from sensor.records.copies import settle
from sensor.records.geoip import GeoIP
from sensor.records.identity import Identity
from sensor.records.manifest import NEW, File, ManifestError
from sensor.records.messages import CONNECTIONS, COUNTS, MESSAGES, NOTES, NUMBERS, How
from sensor.records.new_files import TEMPORARY, NewFiles
from sensor.records.paths import LOCK
from sensor.records.recovery import usable_manifest
from sensor.records.schema import ALERT_FLOW, TABLES
from sensor.records.tail import FOLDER, FRESH
from sensor.records.tail_reader import Piece, files, piece, shapes

HOUR_US = 3_600_000_000
NO_WAITER = 1 << 62
# Limit in bytes on messages that wait for their answers: beyond it, as in a flood of requests, none wait.
MOST_WAITING = 4 << 20
FRESH_S = 3600
# Bytes of rows that are written together: many small files cost more than their rows.
TOGETHER = 16 << 20
# Tables built from records of the event log, by kind of record.
OF_RECORDS = {
    "device_history": ("device", flows.device_history),
    "alert": ("alert", flows.alert),
    "alert_entity": ("alert", flows.alert_entity),
    "recommendation": ("recommendation", flows.recommendation),
}


class Busy(Exception):
    """Another writer is active in this folder."""


# Errors that prevent writing, reported in one line.
FAILURES = (Busy, ManifestError, OSError, sqlite3.Error, pa.ArrowException)


def reason_of(error: Exception) -> str:
    """The cause of one of these errors, with the file if it is known."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


class ProcessedRows:
    """Data processed from the tail and not yet in files. ``tables``: by name and hour; ``left``: waiting messages, by
    run; ``reached``: read position in each file of the tail; ``learned``: device records; ``damages``: file and
    description.
    """

    def __init__(self, left: dict[str, bytes], reached: dict[str, int]) -> None:
        self.tables: dict[tuple[str, int], list[pa.Table]] = {}
        self.size = 0
        self.left, self.reached = left, reached
        self.learned: dict[str, dict[str, Any] | None] = {}
        self.damages: list[tuple[Path, str]] = []

    def add(self, name: str, hour: int, table: pa.Table) -> None:
        self.tables.setdefault((name, hour), []).append(table)
        self.size += table.nbytes

    def clear(self) -> None:
        """All data was written to files."""
        self.tables, self.size, self.learned, self.damages = {}, 0, {}, []


class Writer:
    """``folder``: of the records. ``complain`` is called for damage. ``rows``: number written so far."""

    def __init__(
        self,
        folder: Path,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        *,
        durable: bool = True,
    ) -> None:
        """``clock``: seconds since the epoch; ``durable``: files survive a power failure, not only the end of this
        process. Raises Busy if another writer is active; ManifestError, OSError.
        """
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Busy(f"{folder}: another process writes traffic records to it") from None
        self.folder, self.complain, self.clock, self._durable = folder, complain, clock, durable
        self._identities: dict[str, Identity] = {}
        self._databases: dict[tuple[str, ...], GeoIP] = {}
        self.new_files = NewFiles(folder, durable=durable)
        self.rows = 0
        with contextlib.ExitStack() as unusable:  # then another process can try
            unusable.callback(os.close, self._lock)
            self.manifest = usable_manifest(folder, complain)
            unusable.callback(self.manifest.close)
            self._sweep()
            settle(self.manifest, folder)
            unusable.pop_all()

    def close(self) -> None:
        self.manifest.close()
        os.close(self._lock)

    def _sweep(self) -> None:
        """Delete files that an earlier writer began and did not enter into the manifest."""
        known = self.manifest.known()
        for path in itertools.chain.from_iterable((self.folder / name).glob("*") for name in TABLES):
            if path.suffix == TEMPORARY or (
                path.suffix == ".parquet" and path.relative_to(self.folder).as_posix() not in known
            ):
                path.unlink(missing_ok=True)

    def write(self, *, final: bool = False) -> int:
        """Process the tail; returns the number of rows written. ``final``: do not wait for further messages."""
        before, made = self.rows, self.begin()
        for path in (self.folder / FOLDER).glob(f"*{FRESH}"):  # left by an engine that was killed while it began a file
            if _age(path, self.clock()) > FRESH_S:
                path.unlink(missing_ok=True)
        self.process(made, final=final)
        self.save(made)
        return self.rows - before

    def begin(self) -> ProcessedRows:
        """Nothing processed yet, from the positions in the manifest on."""
        return ProcessedRows(self.manifest.pending(), self.manifest.offsets())

    def process(self, made: ProcessedRows, *, final: bool = False) -> None:
        """Process the tail. Of the data, at most TOGETHER bytes and those of a window are not in files afterwards."""
        for path in files(self.folder):
            while self._step(path, made, final=final):
                pass

    def waiting(self, made: ProcessedRows) -> int:
        """Unprocessed bytes of the tail."""
        return sum(path.stat().st_size - made.reached.get(path.name, 0) for path in files(self.folder))

    def _step(self, path: Path, made: ProcessedRows, *, final: bool) -> bool:
        """Process one window of one file; returns whether there is more in it."""
        offset = made.reached.get(path.name, 0)
        found = piece(path, offset)
        if found is None:
            return False
        if found.end > offset or (found.last and self._over(found)):
            self._take(found, made, over=final or self._over(found))
        if found.last or made.size > TOGETHER:
            self.save(made)
        if found.last:
            path.unlink()
            self.manifest.read_whole(path.name)
            made.reached.pop(path.name, None)
            return False
        return found.end > offset

    def _over(self, found: Piece) -> bool:
        """Whether this is the end of its run."""
        return found.last and not any(
            path.name.rpartition("-")[0] == found.run and path > found.path for path in files(self.folder)
        )

    def _take(self, found: Piece, made: ProcessedRows, *, over: bool) -> None:
        """Build the rows of a piece."""
        sections = [
            *parts(memoryview(made.left.get(found.run, b""))),
            *(part for one in found.blocks for part in parts(one.sections)),
        ]
        by_kind: dict[int, list[Part]] = {}
        for part in sections:
            by_kind.setdefault(part.kind, []).append(part)
        notes = list(flows.notes(together(by_kind[NOTES], None, [0]))) if NOTES in by_kind else []
        identity = self._identity(found.context)
        for record in notes:
            if record["kind"] == "device":
                identity.learn(record["device"], record["action"])
                made.learned[record["device"]["id"]] = identity.bodies.get(record["device"]["id"])
        batch = self._batch(
            found, identity, by_kind, patient=not over and len(made.left.get(found.run, b"")) <= MOST_WAITING
        )
        for name, table in _tables(batch, by_kind, notes).items():
            for hour, rows in hours(table):
                made.add(name, hour, rows)
        made.left[found.run] = b"".join(
            section_of(NUMBERS[name], rows.compact(MESSAGES[NUMBERS[name]].spans)) for name, rows in batch.left
        )
        made.reached[found.path.name] = found.end
        made.damages += [(found.path, damage) for damage in found.damages]

    def _batch(
        self, found: Piece, identity: Identity, by_kind: Mapping[int, Sequence[Part]], *, patient: bool
    ) -> Batch:
        """``patient``: messages may wait for their answers."""
        context, kinds = found.context, shapes(found.context)
        world = RowContext(
            context.get("sensor", ""),
            context.get("site", ""),
            context.get("run", 0),
            context.get("interfaces", ()),
            identity,
            self._geoip(context.get("geoip", ())),
        )
        messages = {
            name: rows
            for number, (name, shape) in enumerate(kinds)
            if (rows := _messages(name, shape, by_kind.get(number, ()))) is not None
        }
        same = [(one.name, [(field, int(how)) for field, how in one.fields]) for one in MESSAGES] == kinds
        now = max((one.now for one in found.blocks), default=0)
        return Batch(messages, world, now - WAIT if same and patient else NO_WAITER)

    def save(self, made: ProcessedRows) -> None:
        """Write files and store the read positions, in one transaction."""
        entries = [self.file(name, hour, tables) for (name, hour), tables in made.tables.items()]
        if self._durable:
            sync_folder(self.folder)
        outbox.put(self.folder, entries)
        with self.manifest.transaction():
            for entry in entries:
                self.manifest.add(entry)
            for path, damage in made.damages:
                self.manifest.note_damage(self.clock(), path.name, damage)
            self.manifest.learn(made.learned.items())
            for run, left in made.left.items():
                self.manifest.keep_pending(run, left)
            for name, end in made.reached.items():
                self.manifest.reached(name, end)
        self.rows += sum(entry.rows for entry in entries)
        for path, damage in made.damages:
            self.complain(f"{path}: {damage}; records in it are lost")
        made.clear()

    def _identity(self, context: Mapping[str, Any]) -> Identity:
        """The device identities of a run: sensors may differ in their internal networks."""
        name = "\n".join([context.get("sensor", ""), *context.get("networks", ())])
        if name not in self._identities:
            self._identities[name] = Identity(Networks(context.get("networks", ())), self.manifest.devices())
        return self._identities[name]

    def _geoip(self, paths: Sequence[str]) -> GeoIP | None:
        """The GeoIP databases configured in a run."""
        if not paths:
            return None
        if (key := tuple(paths)) not in self._databases:
            self._databases[key] = GeoIP(key, self.complain)
        self._databases[key].refresh()
        return self._databases[key]

    def forget_identities(self) -> None:
        """Devices were removed from the manifest."""
        self._identities.clear()

    def file(self, table: str, hour: int, tables: Iterable[pa.Table], *, compact: int = NEW) -> File:
        """A file of these rows, which the manifest does not list yet. Raises OSError, ArrowException."""
        return self.new_files.make(table, hour, tables, compact)


def _tables(
    batch: Batch, by_kind: Mapping[int, Sequence[Part]], notes: Sequence[Mapping[str, Any]]
) -> dict[str, pa.Table]:
    """All tables, by name. ``notes``: records of the event log."""
    tables = tables_of(batch)
    if CONNECTIONS in by_kind:
        tables["conn"] = flows.conn(together(by_kind[CONNECTIONS], CONNECTION, [0, 1, 2]), batch)
    if COUNTS in by_kind:
        tables["coverage"] = flows.coverage(together(by_kind[COUNTS], COUNT, []).heads, batch, tables)
    for name, (kind, build) in OF_RECORDS.items():
        if some := [record for record in notes if record["kind"] == kind]:
            tables[name] = build(some)
    if named := [record for record in notes if record["kind"] == ALERT_FLOW.name]:
        tables[ALERT_FLOW.name] = flows.alert_flow(named, batch.world.run)
    return tables


def hours(table: pa.Table) -> Iterable[tuple[int, pa.Table]]:
    """The rows of a table by the hour of their start time."""
    number = np.asarray(table["ts"].cast(pa.int64())) // HOUR_US
    same = not len(number) or number.min() == number.max()
    different = number[:1].tolist() if same else np.unique(number).tolist()
    for hour in different:
        yield hour, table if len(different) == 1 else table.filter(pa.array(number == hour))


def _messages(name: str, shape: list[tuple[str, int]], some: Iterable[Part]) -> Rows | None:
    """Messages of a class in the layout of this version; None if there are none, or this version does not know the
    class.
    """
    some = list(some)
    if not some or name not in NUMBERS:
        return None
    spans, at = [], 0
    places: dict[str, int] = {}
    for field, how in shape:
        places[field] = at
        if How(how).is_span:
            spans.append(at)
        at += How(how).words
    rows = together(some, HEAD, spans)
    ours = MESSAGES[NUMBERS[name]].fields
    if list(shape) == [(field, int(how)) for field, how in ours]:
        return rows
    words = np.zeros((len(rows), MESSAGES[NUMBERS[name]].words), np.uint64)
    to = 0
    for field, how in ours:
        if dict(shape).get(field) == how:
            words[:, to : to + how.words] = rows.words[:, places[field] : places[field] + how.words]
        to += how.words
    return Rows(rows.heads, words, rows.text)


def _age(path: Path, now: float) -> float:
    """Seconds since a file was last written; 0 if it no longer exists."""
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
