"""Datasets, and opening one for a request: its tables, and what is missing."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from sensor.console.open_tables import OpenTables
from sensor.console.readiness import Readiness
from sensor.console.report_store import ReportStore
from sensor.datasets.choose import NoDataset, chosen, datasets_in
from sensor.datasets.dataset import Dataset
from sensor.datasets.span import Span
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import notes_log
from sensor.inventory.store.database import FILE, StoreError
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.tables.notes import Note, append_notes
from sensor.views.backend import Backend, DatasetBackend, DeviceChanges
from sensor.views.dataset import Data, open_folder, open_log
from sensor.views.errors import NoData, NotReadable, Unknown
from sensor.views.mutes import fault_of_mutes


class Opened(msgspec.Struct, frozen=True):
    """``views``: its lists; ``notes``: caveats: a missing part, a store that is not up to date; ``alerts_known``: it
    has a log; ``add_notes``: stores notes of operators; ``device_changes``: opens changes of devices by an author, None
    if there is no inventory; ``tables``: of a sensor's dataset, None at a hub; ``reports``: of a hub, None at a sensor.
    """

    dataset: Dataset
    views: Backend
    notes: list[str]
    alerts_known: bool
    add_notes: Callable[[Sequence[Note]], None]
    device_changes: Callable[[str], AbstractContextManager[DeviceChanges]] | None = None
    tables: Data | None = None
    reports: ReportStore | None = None

    def changing_devices(self, author: str) -> AbstractContextManager[DeviceChanges]:
        """Raises NotReadable if nothing can be set on its devices; StoreError."""
        if self.device_changes is None:
            raise NotReadable("the dataset has no inventory: nothing can be set on its devices")
        return self.device_changes(author)

    @property
    def span(self) -> Span:
        return self.dataset.span

    @property
    def data(self) -> Data:
        """The tables. Raises NotReadable at a hub."""
        if self.tables is None:
            raise NotReadable("only the sensor has this: open its own console")
        return self.tables


class Sources(Protocol):
    """Datasets that a user may read. ``user``: the name in the session or token."""

    def all(self, user: str) -> list[Dataset]:
        """Datasets with content. Raises OSError if they cannot be read."""

    def dataset(self, name: str, user: str) -> Dataset:
        """A dataset by name, or the default for an empty one. Raises Unknown; NotReadable if there is none."""

    def opened(self, dataset: Dataset, user: str) -> AbstractContextManager[Opened]:
        """Open for a request. Raises NotReadable if no part is available."""


class StateFolder:
    """The datasets of a state folder, which every user may read."""

    def __init__(self, state: Path, usual: str = "") -> None:
        """``usual``: dataset for URLs without one; empty: chosen as all commands do."""
        self.state, self._usual = state, usual
        self._logs, self._open, self._readiness = _Logs(), OpenTables(), Readiness()

    def all(self, user: str = "") -> list[Dataset]:
        """Datasets with content. Raises OSError if the folder cannot be read."""
        return [one for one in datasets_in(self.state) if not one.empty]

    def dataset(self, name: str = "", user: str = "") -> Dataset:
        """A dataset by name, or the default. Raises Unknown; NotReadable if there is none."""
        found = datasets_in(self.state)
        if name:
            for one in found:
                if one.name == name:
                    return one
            raise Unknown("dataset", name, [one.name for one in found])
        try:
            return chosen(found, self.state, self._usual if any(one.name == self._usual for one in found) else "")
        except NoDataset as error:
            raise NoData(str(error)) from None

    @contextlib.contextmanager
    def opened(self, dataset: Dataset, user: str = "") -> Iterator[Opened]:
        """Open for a request. Raises NotReadable if no part is available."""
        notes = [] if dataset.card.complete else ["The replay is running or was interrupted: results are incomplete."]
        try:
            with self._tables(dataset, notes) as data:
                if fault := fault_of_mutes(data):
                    notes.append(f"{fault}: the previous mutes remain in effect.")
                add = partial(append_notes, notes_log(dataset.log))
                changes = partial(_operator_changes, data.folder) if data.folder is not None else None
                yield Opened(
                    dataset,
                    DatasetBackend(data, alerts_known=dataset.has_log),
                    notes,
                    dataset.has_log,
                    add,
                    changes,
                    data,
                )
        except sqlite3.DatabaseError as error:
            raise NotReadable(
                f"the tables of {dataset.name} are damaged ({error}): `sensor data rebuild --data "
                f"{dataset.name}` rebuilds them"
            ) from None
        except OSError as error:
            raise NotReadable(f"cannot read {dataset.name}: {error.strerror}") from None

    @contextlib.contextmanager
    def _tables(self, dataset: Dataset, notes: list[str]) -> Iterator[Data]:
        if not dataset.has_log:
            if dataset.inventory is None:
                raise NotReadable(f"{dataset.name} contains no device and no record")
            notes.append("No event log: alerts, incidents, recommendations and health are unknown, not absent.")
            notes += self._ready(dataset)[1]
            with self._open.opened(dataset.folder) as data:
                yield data
            return
        usable, more = self._ready(dataset) if dataset.inventory is not None else (False, [])
        behind = _as_they_are(dataset) if not usable else None
        if behind is not None:
            notes.append("The tables are behind the event log and cannot be updated: the newest records are missing.")
            with behind:
                yield behind
        elif not usable:
            with self._logs.opened(dataset.log) as data:
                yield data
        else:
            notes += more
            with self._open.opened(dataset.folder) as data:
                yield data

    def _ready(self, dataset: Dataset) -> tuple[bool, list[str]]:
        """Update the tables. Returns whether they can be read, and caveats. Raises NotReadable if a newer sensor wrote
        them, or they are damaged.
        """
        try:
            found = self._readiness.of(dataset)
        except StoreError as error:
            raise NotReadable(str(error)) from None
        return found.usable, [found.note] if found.note else []


@contextlib.contextmanager
def _operator_changes(folder: Path, author: str) -> Iterator[OperatorChanges]:
    """Raises StoreError."""
    changes = OperatorChanges(folder, author, time.time_ns())
    try:
        yield changes
    finally:
        changes.close()


def _as_they_are(dataset: Dataset) -> Data | None:
    """Tables that are not up to date with the log; None if they contain nothing of it or cannot be read."""
    if not (dataset.folder / FILE).is_file():
        return None
    with contextlib.suppress(NotReadable, sqlite3.Error):
        data = open_folder(dataset.folder)
        with contextlib.ExitStack() as closing:
            closing.callback(data.close)
            if data.position.seq:
                closing.pop_all()
                return data
    return None


class _Logs:
    """Tables built from a log alone. The last is cached until its log grows; concurrent requests wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: object = None
        self._data: Data | None = None

    @contextlib.contextmanager
    def opened(self, log: Path) -> Iterator[Data]:
        with self._lock:
            stamp = (
                log,
                [
                    (path, path.stat().st_size)
                    for path in (*(part.path for part in parts(log)), notes_log(log))
                    if path.exists()
                ],
            )
            if self._data is None or stamp != self._stamp:
                if self._data is not None:
                    self._data.close()
                self._data, self._stamp = None, stamp
                self._data = open_log(log)
            yield self._data
