"""The files that an answer is based on: those in the manifest that are unchanged, and the faults of the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.records.manifest import File, Manifest, ManifestError, checksum, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.schema import DEVICE_HISTORY


class NoRecords(Exception):
    """There are no records; the message has the reason."""


class UnreadableRecords(NoRecords):
    """There are records, and their manifest cannot be read: what they contain is unknown."""


class Range(NamedTuple):
    """A time range, microseconds since the epoch; None: unbounded."""

    since: int | None = None
    until: int | None = None


def readable(folder: Path, within: Range) -> tuple[list[File], list[str]]:
    """Files with rows in a time range, and unreadable files, as text. For devices also earlier files. Raises
    NoRecords, UnreadableRecords.
    """
    manifest = manifest_of(folder)
    try:
        found = manifest.files(None, within.since, within.until)
        earlier = manifest.files(DEVICE_HISTORY.name, None, within.until)
        left_out = [f"{name}: {what}" for _, name, what in manifest.damages()]
    finally:
        manifest.close()
    intact, damaged = _intact(folder, list({file.name: file for file in (*found, *earlier)}.values()))
    return intact, [*left_out, *damaged]


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a folder, to read. Raises NoRecords, UnreadableRecords."""
    path = folder / MANIFEST
    try:
        path.stat()
        return Manifest(path)
    except FileNotFoundError:
        raise NoRecords(f"no traffic records in {folder}") from None
    except OSError as error:
        raise UnreadableRecords(f"{path}: {error.strerror}") from None
    except ManifestError as error:
        raise UnreadableRecords(str(error)) from None


def _intact(folder: Path, files: Sequence[File]) -> tuple[list[File], list[str]]:
    """The unchanged files. A file with a different stamp is verified by its checksum."""
    intact, damaged = [], []
    for file in files:
        path = folder / file.name
        try:
            whole = stamp_of(path) == file.stamp or checksum(path) == file.crc
        except OSError as error:
            damaged.append(f"{file.name}: {error.strerror}: {file.rows:,} rows are missing")
            continue
        if whole:
            intact.append(file)
        else:
            damaged.append(f"{file.name}: its content changed since it was written: {file.rows:,} rows are skipped")
    return intact, damaged
