"""Whether the tables of datasets are up to date: compared with the log only when a file of the dataset changed."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sensor.datasets.dataset import Dataset
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import muted_log, notes_log
from sensor.inventory.store.database import FILE, look_into
from sensor.tables.mute_rows import file_of_mutes
from sensor.tables.ready import Ready, make_devices_ready, make_ready

# Limit of folders whose state is remembered.
MOST = 32


class _Checked(NamedTuple):
    """``files``: the states of all files before the comparison; ``mutes``: the file of mutes, if it is known."""

    files: list[str]
    mutes: Path | None
    ready: Ready


class _Folder:
    """The last comparison of a folder whose tables were current; None if there was none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.checked: _Checked | None = None


class Readiness:
    """Thread-safe: concurrent requests for one dataset wait for one comparison. Tables that could not be brought up to
    date are tried again with each request: the reason may be gone although no file changed.
    """

    def __init__(self) -> None:
        self._lock, self._folders = threading.Lock(), dict[Path, _Folder]()

    def of(self, dataset: Dataset) -> Ready:
        """Bring the tables up to date with the log. Raises StoreError if a newer sensor wrote them or they are damaged,
        OSError if the log cannot be read.
        """
        with self._lock:
            if dataset.folder not in self._folders and len(self._folders) >= MOST:
                self._folders.pop(next(iter(self._folders)))
            folder = self._folders.setdefault(dataset.folder, _Folder())
        with folder.lock:
            known = folder.checked
            if known is not None and known.files == _states(dataset, known.mutes):
                return known.ready
            mutes = _file_of_mutes(dataset)
            files = _states(dataset, mutes)
            ready = make_ready(dataset.folder, dataset.log) if dataset.has_log else make_devices_ready(dataset.folder)
            folder.checked = _Checked(files, mutes, ready) if ready.current else None
            return ready


def _file_of_mutes(dataset: Dataset) -> Path | None:
    """The file of mutes that the tables name; None if the tables cannot be read."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(look_into(dataset.folder / FILE)) as base:
        return file_of_mutes(base, dataset.log)
    return None


def _states(dataset: Dataset, mutes: Path | None) -> list[str]:
    """State of each file that the comparison depends on. Of a log in segments, only the last can grow."""
    logs = [one for log in (dataset.log, muted_log(dataset.log)) for one in _ends(log)]
    store, notes = dataset.folder / FILE, notes_log(dataset.log)
    return [_state(path) for path in (store, Path(f"{store}-wal"), notes, *logs, *filter(None, [mutes]))]


def _ends(log: Path) -> Iterable[Path]:
    there = [part.path for part in parts(log)]
    return dict.fromkeys((*there[:1], *there[-1:]))


def _state(path: Path) -> str:
    """Path, inode, size and time of the last change of a file."""
    try:
        found = path.stat()
    except OSError:
        return f"{path}|none"
    return f"{path}|{found.st_ino}|{found.st_size}|{found.st_mtime_ns}"
