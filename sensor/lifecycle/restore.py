"""Restores a backup: verified first, unpacked beside the existing data, and moved into place all at once.

The existing data is kept in a separate folder beside it. Nothing is changed before the whole archive was verified, and
no sensor may run meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from sensor.core.reader import clean
from sensor.inventory.store.database import UNFINISHED
from sensor.inventory.store.snapshot import held
from sensor.lifecycle.alone import alone
from sensor.lifecycle.archive import BadArchive, Member, members
from sensor.lifecycle.manifest import NAME, SIZE_LIMIT, Entry, Manifest, decoded
from sensor.lifecycle.moves import Move, carry_out, undo
from sensor.lifecycle.places import INVENTORY, RECORDS, SensorPaths, replaced, target
from sensor.records.copies import take_over
from sensor.records.manifest import ManifestError
from sensor.records.paths import MANIFEST, records_folder

STAGE, ASIDE = ".restore-", "before-restore-"
# Disk space that must remain after unpacking.
SPARE = 16 << 20

Progress = Callable[[int], None]


def verified(path: Path, places: SensorPaths, progress: Progress = lambda _: None) -> Manifest:
    """Verify a whole archive: names, types, sizes, and every hash. Raises BadArchive if it is invalid, OSError if it
    cannot be read.
    """
    found: list[Entry] = []
    manifest: Manifest | None = None
    with path.open("rb") as file:
        for member, content in members(path, file):
            if manifest is not None:
                raise BadArchive(f"{path}: found {clean(member.name)!r} after the manifest")
            if member.name == NAME:
                manifest = _manifest(path, member, content)
                continue
            with _named(path):
                target(member.name, places)
            summed = hashlib.sha256()
            for data in content:
                summed.update(data)
                progress(len(data))
            found.append(Entry(member.name, member.size, summed.hexdigest()))
    if manifest is None:
        raise BadArchive(f"{path}: is not a backup: it has no manifest")
    _compare(path, manifest, found)
    return manifest


def _manifest(path: Path, member: Member, content: Iterator[bytes]) -> Manifest:
    if member.size > SIZE_LIMIT:
        raise BadArchive(f"{path}: its manifest has {member.size:,} bytes, expected at most {SIZE_LIMIT:,}")
    with _named(path):
        return decoded(b"".join(content))


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise BadArchive(f"{path}: {clean(str(error), 500)}") from None


def _compare(path: Path, manifest: Manifest, found: list[Entry]) -> None:
    there, listed = {one.name: one for one in found}, {one.name: one for one in manifest.files}
    for name in sorted(there.keys() | listed.keys()):
        if there.get(name) != listed.get(name):
            mismatch = (
                "is missing"
                if name not in there
                else "is not in the manifest"
                if name not in listed
                else "differs from its hash in the backup"
            )
            raise BadArchive(f"{path}: {clean(name)} {mismatch}")


class Restore:
    """The restore of a verified archive. ``aside``: by folder, where the existing data in it is kept; ``undone``: an
    earlier restore was interrupted, and has been undone.
    """

    def __init__(self, path: Path, places: SensorPaths, manifest: Manifest, stamp: str) -> None:
        """``stamp``: date and time for the names of folders."""
        self._path, self._places, self._manifest, self._stamp = path, places, manifest, stamp
        self._has_records = any(one.name == f"{RECORDS}/{MANIFEST}" for one in manifest.files)
        self.aside: dict[Path, Path] = {}
        self.undone = False

    def run(self, progress: Progress = lambda _: None) -> None:
        """Run the restore. Raises StoreError if a sensor runs there or the inventory is damaged; OSError, BadArchive.
        Then everything is unchanged.
        """
        _make(self._places.state)
        with alone(self._places, restoring=True, records=self._has_records):
            self.undone = undo(self._places.state / UNFINISHED)
            stages: dict[Path, Path] = {}
            try:
                self._unpack(stages, progress)
                carry_out(self._moves(stages), self._places.state / UNFINISHED)
            finally:
                for stage in stages.values():
                    shutil.rmtree(stage, ignore_errors=True)
                for aside in self.aside.values():
                    with contextlib.suppress(OSError):  # empty if everything was moved back
                        aside.rmdir()

    def _unpack(self, stages: dict[Path, Path], progress: Progress) -> None:
        """Unpack all files, each on its target disk. ``stages``: target → staging folder."""
        entries = {one.name: one for one in self._manifest.files}
        with self._path.open("rb") as file:
            for member, content in members(self._path, file):
                place = target(member.name, self._places) if member.name in entries else None
                if place is not None:
                    waiting = self._waiting(place, stages)
                    if _write(waiting, member.mode, content, progress) != entries[member.name].sha256:
                        raise BadArchive(f"{self._path}: changed during reading")
                    if member.name == INVENTORY:
                        held(waiting, self._path)
        for base, stage in stages.items():
            _give(stage, base)
        self._take_over_records(stages)
        os.sync()

    def _take_over_records(self, stages: dict[Path, Path]) -> None:
        """Adopt restored traffic records on this host, if there are some."""
        if self._has_records:
            try:
                take_over(self._waiting(records_folder(self._places.log), stages))
            except ManifestError as error:
                raise BadArchive(f"{self._path}: {clean(str(error), 500)}") from None

    def _waiting(self, place: Path, stages: dict[Path, Path]) -> Path:
        """Where a file is staged: beside its target, on the same disk, in a private folder. Raises OSError if there is
        no room for all.
        """
        base = self._base(place)
        if base not in stages:
            _make(base)
            for left in base.glob(f"{STAGE}*"):
                shutil.rmtree(left, ignore_errors=True)
            disk = os.statvfs(base)
            if disk.f_bavail * disk.f_frsize < self._manifest.size + SPARE:
                raise OSError(errno.ENOSPC, f"not enough disk space for {self._manifest.size:,} bytes", str(base))
            stages[base] = Path(tempfile.mkdtemp(prefix=STAGE, dir=base))
        return stages[base] / place.relative_to(base)

    def _base(self, place: Path) -> Path:
        """The folder that contains a target; staging folder and old data are beside its contents."""
        places = self._places
        bases = [
            places.state,
            places.log.parent,
            places.evidence.parent,
            *([places.base] if places.base is not None else []),
        ]
        return max((base for base in bases if place.is_relative_to(base)), key=lambda base: len(base.parts))

    def _moves(self, stages: dict[Path, Path]) -> list[Move]:
        """Moves of the existing data aside, and of the staged data into place."""
        away, into = [], []
        for path in dict.fromkeys(replaced([one.name for one in self._manifest.files], self._places)):
            base = self._base(path)
            away.append(Move(str(path), str(self._aside(base) / path.relative_to(base))))
        for base, stage in stages.items():
            into += [Move(str(path), str(base / path.name)) for path in sorted(stage.iterdir())]
        return away + into

    def _aside(self, base: Path) -> Path:
        """A new folder in ``base`` for the existing data."""
        if base not in self.aside:
            aside, number = base / f"{ASIDE}{self._stamp}", 1
            while os.path.lexists(aside):
                aside, number = base / f"{ASIDE}{self._stamp}-{number}", number + 1
            aside.mkdir(mode=0o750)
            _own(aside, base)
            self.aside[base] = aside
        return self.aside[base]


def _write(path: Path, mode: int, content: Iterator[bytes], progress: Progress) -> str:
    """Write a new file; returns its hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    summed = hashlib.sha256()
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as file:
        for data in content:
            file.write(data)
            summed.update(data)
            progress(len(data))
        os.fchmod(number, mode & 0o644 | 0o600)
    return summed.hexdigest()


def _make(folder: Path) -> None:
    """Create a folder and its parents, with the owner of the folder in which the first is created."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o750)
        _own(folder, folder.parent)


def _give(stage: Path, base: Path) -> None:
    """Set the owner of staged files to that of their target folder."""
    for path in stage.rglob("*"):
        _own(path, base)
        if path.is_dir():
            path.chmod(0o750)


def _own(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
