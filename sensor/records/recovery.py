"""Rebuilds a manifest that is damaged, or missing beside files with records. The damaged one is renamed.

The readable content of a damaged manifest is copied: positions in the tail, waiting messages, devices, and which files
a compaction has replaced. The rest is lost: rows that were written shortly before may then be stored twice, and rows
have no device until it is reported again. Files that cannot be read are renamed, so that the writer does not delete
them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor import damaged
from sensor.core.phrases import counted
from sensor.records.copies import is_file
from sensor.records.manifest import NEW, DamagedManifest, File, Manifest, ManifestError, checksum, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.schema import TABLES


def is_lost(folder: Path) -> bool:
    """Whether the manifest is damaged, or missing beside files with records."""
    try:
        if not (folder / MANIFEST).stat().st_size:
            return any(_stored(folder))
        Manifest(folder / MANIFEST).close()
    except FileNotFoundError:
        return any(_stored(folder))
    except DamagedManifest:
        return True
    except (ManifestError, OSError):
        return False
    return False


def usable_manifest(folder: Path, complain: Callable[[str], None]) -> Manifest:
    """The manifest for the writer; rebuilt if it is lost, which is reported to ``complain``. Raises ManifestError,
    OSError.
    """
    path = folder / MANIFEST
    if not is_lost(folder):
        manifest = Manifest(path, write=True)
        if manifest.is_intact:
            return manifest
        manifest.close()
    _rebuild(folder, complain)
    return Manifest(path, write=True)


def _rebuild(folder: Path, complain: Callable[[str], None]) -> None:
    """Write a manifest that lists the files in the folder. It gets its name once it is complete: files that a manifest
    does not list are deleted.
    """
    path, new = folder / MANIFEST, folder / f"{MANIFEST}.new"
    for side in damaged.SIDES:
        new.with_name(new.name + side).unlink(missing_ok=True)
    with contextlib.closing(Manifest(new, write=True)) as manifest, manifest.transaction():
        gone = _copy_readable(path, manifest)
        entries = [*_entries(folder, sorted({*_stored(folder)} - gone), complain)]
        for entry in entries:
            manifest.add(entry)
    renamed = damaged.rename(path)
    new.replace(path)
    kept = f"was damaged, and is kept as {renamed.name}" if renamed.exists() else "was missing"
    listed = f"{counted(len(entries), 'file')} with {counted(sum(entry.rows for entry in entries), 'row')}"
    complain(f"{path} {kept}: a new one lists {listed}; rows of the last minutes may be stored twice")


def _stored(folder: Path) -> Iterator[str]:
    """The names of all files with records."""
    for path in folder.glob("*/*.parquet"):
        if is_file(path.parent.name, path.name):
            yield f"{path.parent.name}/{path.name}"


def _copy_readable(lost: Path, manifest: Manifest) -> frozenset[str]:
    """Copy the readable content of a damaged manifest. Returns the names of files that a compaction has replaced."""
    gone = frozenset[str]()
    uri = f"{lost.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(uri, uri=True)) as old:
        for name, offset in _rows(old, "SELECT name, offset FROM tail"):
            manifest.reached(name, offset)
        for name, section in _rows(old, "SELECT name, section FROM pending"):
            manifest.keep_pending(name, section)
        for name, body in _rows(old, "SELECT id, body FROM device"):
            with contextlib.suppress(msgspec.DecodeError):
                manifest.learn([(name, msgspec.json.decode(body, type=dict[str, Any]))])
        gone = frozenset(name for (name,) in _rows(old, "SELECT name FROM file WHERE gone_at IS NOT NULL"))
    return gone


def _rows(old: sqlite3.Connection, query: str) -> list[Any]:
    """The rows that can be read, up to the first that cannot."""
    found: list[Any] = []
    with contextlib.suppress(sqlite3.Error):
        found.extend(old.execute(query))
    return found


def _entries(folder: Path, names: Iterable[str], complain: Callable[[str], None]) -> Iterator[File]:
    """The entries of files with rows; those that cannot be read are renamed."""
    import pyarrow as pa  # readers, which only look whether the manifest is lost, need none of it

    for name in names:
        path = folder / name
        try:
            yield from _entry(path, name)
        except (OSError, pa.ArrowException) as error:
            renamed = path.rename(path.with_name(path.name + damaged.SUFFIX))
            complain(f"{path} cannot be read, and is kept as {renamed.name}: its rows are missing: {error}")


def _entry(path: Path, name: str) -> Iterator[File]:
    """The entry of a file; none if it has no rows. Raises OSError, ArrowException."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    times = pq.read_table(path, columns=["ts"], partitioning=None)["ts"]
    if len(times):
        first, last = (pc.cast(edge, "int64").as_py() for edge in pc.min_max(times).values())
        hour, size = int(path.name.partition("-")[0]), path.stat().st_size
        table = TABLES[name.partition("/")[0]].name
        yield File(name, table, hour, len(times), size, first, last, checksum(path), stamp_of(path), NEW)
