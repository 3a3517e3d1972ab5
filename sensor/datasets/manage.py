"""Operations on datasets: choose one for all commands, rename, remove, export."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from sensor.datasets.card import LIVE, replace_file, write_card
from sensor.datasets.choose import CHOSEN, chosen_in, datasets_in
from sensor.datasets.dataset import PACKETS, Dataset
from sensor.datasets.live import is_written
from sensor.datasets.names import checked
from sensor.datasets.replays import CannotCreate
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import DATASETS, INVENTORY, RUN_LOG, muted_log, notes_log
from sensor.inventory.store.database import look_into
from sensor.records.copies import copy_manifest, copying
from sensor.records.paths import FOLDER as RECORDS
from sensor.records.paths import MANIFEST, records_folder

# Files beside the inventory that belong to the dataset: daily scores and tickets.
BESIDE = ("dataset.json", "posture.jsonl", "tickets.json")


def use(state: Path, name: str) -> None:
    """Read this dataset from now on, unless another is named; empty: return to the default rule. Raises OSError."""
    path = state / DATASETS / CHOSEN
    if not name:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, f"{name}\n".encode())


def rename(state: Path, dataset: Dataset, name: str) -> None:
    """Rename a replay. Raises BadName, CannotCreate, OSError."""
    _may_change(dataset)
    if any(one.name == checked(name) for one in datasets_in(state)):
        raise CannotCreate(f"the dataset {name!r} already exists: choose another name, or remove it first")
    was_chosen = chosen_in(state) == dataset.name
    dataset.card.name = name
    write_card(dataset.folder, dataset.card)
    if dataset.folder != state:
        dataset.folder.rename(dataset.folder.with_name(name))
    if was_chosen:
        use(state, name)


def remove(state: Path, dataset: Dataset) -> None:
    """Remove a replay with all its files. Raises CannotCreate if it is no replay, or is being written; OSError."""
    _may_change(dataset)
    if dataset.folder == state:
        raise CannotCreate(
            f"the dataset {dataset.name!r} is the state folder {state} itself, which contains other files: "
            "remove unneeded files manually"
        )
    try:
        shutil.rmtree(dataset.folder)
    except OSError as error:  # which names a file by its last part only
        raise OSError(error.errno, error.strerror, str(dataset.folder)) from None
    if chosen_in(state) == dataset.name:
        use(state, "")


def _may_change(dataset: Dataset) -> None:
    if dataset.kind == LIVE:
        raise CannotCreate(
            "the dataset of the live sensor cannot be renamed or removed: `sensor purge` deletes devices, "
            "`sensor backup` copies it"
        )
    if is_written(dataset.folder):
        raise CannotCreate(f"the dataset {dataset.name!r} is being written: wait for the end of its replay")


def export(dataset: Dataset, path: Path, progress: Callable[[int], None] = lambda _: None) -> int:
    """Write a dataset to an archive (tar, gzip) readable only by its owner; returns the number of files. ``progress``
    gets the number of bytes of each file that is written. Raises OSError, sqlite3.Error.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with (
            os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            for name, source in _files(dataset):
                archive.add(source, f"{dataset.name}/{name}", recursive=False, filter=_anonymous)
                progress(source.stat().st_size)
                count += 1
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):  # the user knows the name of the archive only
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by the user who unpacks it, without access for others."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _files(dataset: Dataset) -> Iterator[tuple[str, Path]]:
    """Each file with its name in the archive, which is that in a replay, so that it can be unpacked beside others."""
    for name in BESIDE:
        if (path := dataset.folder / name).is_file():
            yield name, path
    if dataset.inventory is not None:
        with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
            copy = Path(folder) / INVENTORY
            _copy(dataset.inventory, copy)
            yield INVENTORY, copy
    for part in parts(dataset.log):
        yield f"events.segments/{part.path.name}" if part.first else RUN_LOG, part.path
    for name, path in (
        (muted_log(Path(RUN_LOG)).name, muted_log(dataset.log)),
        (notes_log(Path(RUN_LOG)).name, notes_log(dataset.log)),
    ):
        if path.is_file():
            yield name, path
    yield from _records(records_folder(dataset.log))
    if dataset.evidence.is_dir():
        yield from (
            (f"evidence/{path.name}", path)
            for path in sorted(dataset.evidence.glob(PACKETS))
            if path.is_file() and not path.is_symlink()
        )


def _records(folder: Path) -> Iterator[tuple[str, Path]]:
    """Traffic records: the manifest, and the files that it lists. Missing ones are reported by queries on the copy as
    well.
    """
    if not (folder / MANIFEST).is_file():
        return
    with tempfile.TemporaryDirectory(prefix="dataset-") as place, copying(folder):
        names = copy_manifest(folder, Path(place) / MANIFEST)
        yield f"{RECORDS}/{MANIFEST}", Path(place) / MANIFEST
        yield from ((f"{RECORDS}/{name}", path) for name in names if (path := folder / name).is_file())


def _copy(source: Path, target: Path) -> None:
    """Copy a database, which may be written meanwhile (sqlite.org/backup.html)."""
    with contextlib.closing(look_into(source)) as base, contextlib.closing(sqlite3.connect(target)) as copy:
        base.backup(copy)
