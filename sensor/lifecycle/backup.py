"""A backup: the data of a sensor as one file, made while it runs. The file gets its name when it is complete, and only
its owner may read it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sensor import __version__
from sensor.core.record_parts import time_text
from sensor.eventlog.disk import sync_folder
from sensor.eventlog.segments import COMPRESSED, PLAIN
from sensor.inventory.store.snapshot import Held, copied, held
from sensor.lifecycle.archive import CHUNK, FILES_LIMIT, Member, Packer
from sensor.lifecycle.manifest import FORMAT, NAME, Entry, Manifest, encoded
from sensor.lifecycle.places import (
    DATABASES,
    INVENTORY,
    RECORDS,
    SEGMENTS,
    ArchivedFile,
    SensorPaths,
    elsewhere,
    is_log,
    pieces,
)
from sensor.records.copies import copy_manifest, copying
from sensor.records.paths import MANIFEST, records_folder

# Text files that may be written during the copy: only complete lines are copied.
GROWING = (PLAIN, ".jsonl.1")

Progress = Callable[[int], None]


class BackupScope(NamedTuple):
    """The requested parts, and the names of the sensor."""

    id: str = ""
    site: str = ""
    log: bool = False
    evidence: bool = False
    records: bool = False


class Backup:
    """A backup in progress."""

    def __init__(self, places: SensorPaths, whose: BackupScope, now: int) -> None:
        """``now``: ns."""
        self._places, self._whose, self._now = places, whose, now
        self._pieces = pieces(places, log=whose.log, evidence=whose.evidence)
        self._entries: list[Entry] = []

    @property
    def size(self) -> int:
        """Number of bytes to read, as far as known in advance."""
        found = 0
        records = records_folder(self._places.log).glob("*/*.parquet") if self._whose.records else ()
        databases = (self._places.state / name for name in DATABASES)
        for path in (*databases, *(piece.path for piece in self._pieces), *records):
            with contextlib.suppress(OSError):
                found += path.stat().st_size
        return found

    def write(self, target: Path, progress: Progress = lambda _: None) -> Manifest:
        """Write the backup. Raises OSError, StoreError (a database) or ValueError (a name) if that fails; then nothing
        is left behind.
        """
        with _workshop(target) as folder:
            whole = folder / target.name
            with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                manifest = self._pack(Packer(file), folder, progress)
                file.flush()
                os.fsync(file.fileno())
            whole.replace(target)
        sync_folder(target.parent)
        return manifest

    def _pack(self, packer: Packer, folder: Path, progress: Progress) -> Manifest:
        """``folder``: for temporary copies."""
        found = [
            self._database(packer, ArchivedFile(f"state/{name}", self._places.state / name), folder, progress)
            for name in DATABASES
        ]
        for piece in self._pieces:
            self._piece(packer, piece, progress)
        if self._whose.records:
            self._records(packer, folder, progress)
        manifest = self._manifest(found[0])
        text = encoded(manifest)
        self._add(packer, NAME, io.BytesIO(text), len(text), self._now, progress)
        packer.close()
        return manifest

    def _database(self, packer: Packer, piece: ArchivedFile, folder: Path, progress: Progress) -> Held:
        """Copy a database through SQLite, because a plain copy of a file being written is inconsistent. For the
        inventory, returns a summary of its contents.
        """
        if not piece.path.is_file():
            return Held(0, 0)
        copy, there = folder / piece.path.name, piece.path.stat()
        copied(piece.path, copy)
        found = held(copy, piece.path) if piece.name == INVENTORY else Held(0, 0)
        with copy.open("rb") as file:
            self._add(packer, piece.name, file, copy.stat().st_size, there.st_mtime_ns, progress, there.st_mode)
        return found

    def _piece(self, packer: Packer, piece: ArchivedFile, progress: Progress) -> None:
        with contextlib.suppress(FileNotFoundError):  # deleted since it was listed, so no longer part of the state
            name, file = _opened(piece)
            with file:
                status = os.fstat(file.fileno())
                size = _whole_lines(file, status.st_size) if name.endswith(GROWING) else status.st_size
                self._add(packer, name, file, size, status.st_mtime_ns, progress, status.st_mode)

    def _records(self, packer: Packer, folder: Path, progress: Progress) -> None:
        """Traffic records: the manifest first, then the files that it lists, none of which is deleted meanwhile. A
        missing one is also missing after a restore, and reported by queries.
        """
        records = records_folder(self._places.log)
        if not (records / MANIFEST).is_file():
            return
        with copying(records):
            names = copy_manifest(records, folder / MANIFEST)
            self._piece(packer, ArchivedFile(f"{RECORDS}/{MANIFEST}", folder / MANIFEST), progress)
            for name in names:
                self._piece(packer, ArchivedFile(f"{RECORDS}/{name}", records / name), progress)

    def _add(
        self, packer: Packer, name: str, file: BinaryIO, size: int, mtime: int, progress: Progress, mode: int = 0o600
    ) -> None:
        if len(self._entries) >= FILES_LIMIT:
            raise ValueError(f"there are more than {FILES_LIMIT:,} files")
        packer.begin(Member(name, size, mode & 0o777), mtime // 1_000_000_000)
        summed, left = hashlib.sha256(), size
        while left and (data := file.read(min(left, CHUNK))):
            packer.write(data)
            summed.update(data)
            left -= len(data)
            progress(len(data))
        if left:
            raise OSError(errno.EAGAIN, "it was truncated during reading: try again", name)
        packer.end(size)
        self._entries.append(Entry(name, size, summed.hexdigest()))

    def _manifest(self, held: Held) -> Manifest:
        names = [one.name for one in self._entries]
        log = any(map(is_log, names))
        evidence = any(name.startswith("evidence/") for name in names)
        records = f"{RECORDS}/{MANIFEST}" in names
        return Manifest(
            FORMAT, __version__, self._whose.id, self._whose.site, time_text(self._now), held.version, held.devices,
            log, evidence,
            elsewhere(self._places), list(self._entries), records,
        )  # fmt: skip


def _opened(piece: ArchivedFile) -> tuple[str, BinaryIO]:
    """An open file with its name in the archive. A segment that was compressed since it was listed has its new name.
    Raises FileNotFoundError if the file is gone.
    """
    try:
        return piece.name, _file(piece)
    except FileNotFoundError:
        if not piece.name.startswith(SEGMENTS) or not piece.name.endswith(PLAIN):
            raise
        packed = ArchivedFile(
            piece.name.removesuffix(PLAIN) + COMPRESSED,
            piece.path.with_name(piece.path.name.removesuffix(PLAIN) + COMPRESSED),
        )
        return packed.name, _file(packed)


def _file(piece: ArchivedFile) -> BinaryIO:
    """Open a file. Links are followed only in the folder of the configuration."""
    return os.fdopen(
        os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC | (0 if piece.name.startswith("config/") else os.O_NOFOLLOW)),
        "rb",
    )


def _whole_lines(file: BinaryIO, size: int) -> int:
    """Bytes up to the end of the last complete line within ``size``; all if no line ends in the last megabyte."""
    start = max(0, size - (1 << 20))
    end = os.pread(file.fileno(), size - start, start).rfind(b"\n")
    return start + end + 1 if end >= 0 or not start else size


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A temporary folder beside a file, in which the file is built. Deleted at the end, even if a signal arrives.
    Raises OSError if it cannot be created.
    """
    with _signals_blocked():
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
    finally:
        with _signals_blocked():
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Within this context, signals that terminate a program are delayed: during a removal they would leave files
    behind.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
