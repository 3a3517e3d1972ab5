"""Central records of one sensor and time range, downloaded into a folder of records that queries read like the sensor's
own. The cache is limited in size; the least recently used files are removed first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sensor.central.days import DAY, HOURS, Day, Entry, Invalid, day_name, file_name, folder_of, read_day
from sensor.central.objects import Objects
from sensor.records.manifest import OF_DAY, File, Manifest, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.readable import Range
from sensor.records.schema import DEVICE_HISTORY, TABLES
from sensor.records.writer import HOUR_US

DAY_US = HOURS * HOUR_US
# Days before a range from which the state of devices is read.
HISTORY_DAYS = 31


class TooLarge(Exception):
    """The records of a range do not fit into the cache."""


class Owner(NamedTuple):
    """A sensor: its public key, and its identity in events."""

    key: str
    sensor: str
    site: str


class Fetched(NamedTuple):
    """``folder``: of the records; ``missing``: what is not there, as text; ``until``: time up to which records are
    complete, microseconds.
    """

    folder: Path
    missing: list[str]
    until: int


class Cache:
    """``root``: its folder; ``limit``: bytes."""

    def __init__(self, root: Path, limit: int) -> None:
        self._root, self._limit = root, limit

    @contextmanager
    def fetched(self, objects: Objects, owner: Owner, within: Range) -> Iterator[Fetched | None]:
        """The records of a sensor in a time range, until the end of the block; None if it has no central records. One
        process uses the cache at a time. Raises TooLarge, Retry, OSError.
        """
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._fetch(objects, owner, within)

    def _fetch(self, objects: Objects, owner: Owner, within: Range) -> Fetched | None:
        place = folder_of(owner.site, owner.sensor)
        days, missing = _days(objects, place, owner, within)
        if not days and not missing:
            return None
        entries = [entry for day in days for entry in day.files if _is_chosen(entry, within)]
        if (size := sum(entry.size for entry in entries)) > self._limit:
            text = f"{size:,} bytes of records, expected at most {self._limit:,}: narrow the time range"
            raise TooLarge(text)
        folder = self._root / owner.key
        folder.mkdir(mode=0o700, exist_ok=True)
        self._make_room({entry.sha256 for entry in entries}, size)
        found = []
        for entry in entries:
            fault = _downloaded(objects, place, entry, folder / _local(entry))
            if fault:
                missing.append(f"{entry.table}, {entry.rows:,} rows: {fault}")
            else:
                found.append(entry)
        _write_manifest(folder, found)
        return Fetched(folder, missing, max((day.until for day in days), default=0))

    def _make_room(self, keep: set[str], size: int) -> None:
        """Remove files that were not used for the longest time, until ``size`` bytes fit."""
        files = [path for path in self._root.glob("*/*.parquet") if path.stem not in keep]
        used = sum(path.stat().st_size for path in files)
        for path in sorted(files, key=lambda path: path.stat().st_mtime):
            if used + size <= self._limit:
                return
            used -= path.stat().st_size
            path.unlink()


def _days(objects: Objects, place: str, owner: Owner, within: Range) -> tuple[list[Day], list[str]]:
    """The lists of the days of a range, and days that cannot be used, as text. Raises Retry."""
    first = 0 if within.since is None else within.since // DAY_US - HISTORY_DAYS
    last = within.until // DAY_US if within.until is not None else 1 << 40
    names = (name.removesuffix(".json") for name in objects.names(place + "days/"))
    days, missing = [], []
    for number in sorted(int(name) for name in names if DAY.fullmatch(name)):
        body = objects.get(place + day_name(number)) if first <= number <= last else None
        try:
            if body is not None:
                days.append(read_day(body, owner.key, owner.sensor, owner.site, number))
        except Invalid as invalid:
            missing.append(f"day {number}: {invalid}")
    return days, missing


def _is_chosen(entry: Entry, within: Range) -> bool:
    """Whether a file has rows in a range; of devices, also earlier ones."""
    if entry.table not in TABLES or not TABLES[entry.table].stored:
        return False
    after = within.since is None or entry.last >= within.since or entry.table == DEVICE_HISTORY.name
    return after and (within.until is None or entry.first <= within.until)


def _downloaded(objects: Objects, place: str, entry: Entry, path: Path) -> str:
    """Download a file unless it is there; the fault if that is not possible. Raises Retry, OSError."""
    if path.exists() and path.stat().st_size == entry.size:
        os.utime(path)
        return ""
    part = path.with_name("download.part")  # one name: an interrupted download is overwritten by the next
    if not objects.download(place + file_name(entry.sha256), part, entry.size):
        return "the file is missing in the object store"
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry.sha256 or part.stat().st_size != entry.size:
        part.unlink()
        return "the file in the object store is not the one that the sensor signed"
    part.replace(path)
    return ""


def _write_manifest(folder: Path, entries: Sequence[Entry]) -> None:
    """Make a folder of records of these files. Raises OSError."""
    for name in (MANIFEST, f"{MANIFEST}-wal", f"{MANIFEST}-shm"):
        (folder / name).unlink(missing_ok=True)
    manifest = Manifest(folder / MANIFEST, write=True)
    try:
        with manifest.transaction():
            for entry in {entry.sha256: entry for entry in entries}.values():
                name = _local(entry)
                manifest.add(
                    File(
                        name, entry.table, entry.hour, entry.rows, entry.size, entry.first, entry.last, entry.crc,
                        stamp_of(folder / name), OF_DAY,
                    )
                )  # fmt: skip
    finally:
        manifest.close()


def _local(entry: Entry) -> str:
    return f"{entry.sha256}.parquet"
