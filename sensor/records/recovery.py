"""A manifest that is damaged, or missing beside files with records: it is kept under another name, and a new one lists
the files.

What can be read of a damaged manifest is taken over: positions in the tail, waiting messages, devices, and which files
a compaction has replaced. What cannot is lost with it: rows that were written shortly before may then be stored twice,
and rows have no device until it is reported again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.phrases import counted
from sensor.records.copies import is_file
from sensor.records.manifest import NEW, DamagedManifest, File, Manifest, ManifestError, checksum, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.schema import TABLES

_SIDES = ("", "-wal", "-shm")


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
    """The manifest for the writer; one that is lost is made again, and ``complain`` gets a message. Raises
    ManifestError, OSError.
    """
    path = folder / MANIFEST
    if not is_lost(folder):
        manifest = Manifest(path, write=True)
        if manifest.is_intact:
            return manifest
        manifest.close()
    _make_again(folder, complain)
    return Manifest(path, write=True)


def _make_again(folder: Path, complain: Callable[[str], None]) -> None:
    """Make a new manifest that lists the files in the folder. It gets its name once it is complete: files that a
    manifest does not list are deleted.
    """
    path, new = folder / MANIFEST, folder / f"{MANIFEST}.new"
    for side in _SIDES:
        new.with_name(new.name + side).unlink(missing_ok=True)
    with contextlib.closing(Manifest(new, write=True)) as manifest, manifest.transaction():
        gone = _take_over(manifest, path)
        entries = [entry for name in sorted(_stored(folder)) if name not in gone for entry in _entries(folder, name)]
        for entry in entries:
            manifest.add(entry)
    aside = _put_aside(path)
    new.replace(path)
    kept = f"was damaged, and is kept as {aside.name}" if aside is not None else "was missing"
    listed = f"{counted(len(entries), 'file')} with {counted(sum(entry.rows for entry in entries), 'row')}"
    complain(f"{path} {kept}: a new one lists {listed}; rows of the last minutes may be stored twice")


def _stored(folder: Path) -> Iterator[str]:
    """The names of all files with records."""
    for path in folder.glob("*/*.parquet"):
        if is_file(path.parent.name, path.name):
            yield f"{path.parent.name}/{path.name}"


def _put_aside(path: Path) -> Path | None:
    """Rename a damaged manifest and the files that belong to it, with the first free number; None if there is none."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    return aside if aside.exists() else None


def _take_over(manifest: Manifest, lost: Path) -> frozenset[str]:
    """Take over what can be read of a damaged manifest. Returns the names of files that were replaced."""
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


def _entries(folder: Path, name: str) -> Iterator[File]:
    """The entry of a file; none if it cannot be read."""
    import pyarrow as pa  # readers, which only look whether the manifest is lost, need none of it
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table, path = TABLES[name.partition("/")[0]], folder / name
    with contextlib.suppress(OSError, pa.ArrowException):
        times = pq.read_table(path, columns=["ts"], partitioning=None)["ts"]
        if len(times):
            first, last = (pc.cast(edge, pa.int64()).as_py() for edge in pc.min_max(times).values())
            hour = int(path.name.partition("-")[0])
            size = path.stat().st_size
            yield File(name, table.name, hour, len(times), size, first, last, checksum(path), stamp_of(path), NEW)
