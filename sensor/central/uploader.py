"""Copies finished traffic records of a sensor to the object store: the files of past hours, and those of past days that
replace them. Central records outlive those of the sensor: nothing is deleted there except replaced files.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sensor.central.days import HOURS, Day, Entry, Invalid, day_name, file_name, folder_of, read_day, sign_day
from sensor.central.objects import Objects
from sensor.outputs.transport.nkeys import KeyPair
from sensor.records.manifest import NEW, File, Manifest
from sensor.records.paths import MANIFEST
from sensor.records.writer import HOUR_US

# Seconds after which no query reads a replaced file any more.
GRACE_S = 3600


class Uploader:
    """``folder``: of the records; ``sensor``, ``site``: as in its events; ``pair``: its key."""

    def __init__(
        self, folder: Path, objects: Objects, sensor: str, site: str, pair: KeyPair,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._folder, self._objects, self._pair, self._clock = folder, objects, pair, clock
        self._sensor, self._site, self._place = sensor, site, folder_of(site, sensor)
        self._days: dict[int, Day] = {}
        self._digests: dict[File, str] = {}

    def turn(self, progress: Callable[[], None] = lambda: None) -> int:
        """Upload what is missing; returns the number of new files. If the sensor replaces a file meanwhile, its day is
        skipped until the next turn. ``progress`` is called for each day and each part of a file. Raises Retry,
        ManifestError, OSError.
        """
        files = self._files()
        newest = _open_hour(files)
        closed = {file for file in files if file.hour < newest}
        self._digests = {file: digest for file, digest in self._digests.items() if file in closed}
        made = 0
        for day, some in itertools.groupby(sorted(closed, key=_day_of), key=_day_of):
            progress()
            try:
                made += self._upload(day, list(some), min(newest, (day + 1) * HOURS) * HOUR_US, progress)
            except FileNotFoundError:
                continue
        return made

    def _files(self) -> list[File]:
        manifest = Manifest(self._folder / MANIFEST)
        try:
            return manifest.files()
        finally:
            manifest.close()

    def _upload(self, day: int, files: Sequence[File], until: int, progress: Callable[[], None]) -> int:
        """Upload the files of a day, then its list. Returns the number of new files."""
        before = self._before(day)
        entries = _merged(before.files, [self._entry(file) for file in files])
        known, present = {one.sha256 for one in before.files}, {one.sha256 for one in entries}
        now = int(self._clock())
        over = [sha256 for sha256, at in before.gone if at <= now and sha256 not in present]
        gone = [(sha256, at) for sha256, at in before.gone if at > now and sha256 not in present]
        gone += [(sha256, now + GRACE_S) for sha256 in sorted(known - present)]
        after = Day(self._sensor, self._site, day, max(until, before.until), entries, gone)
        if after == before:
            return 0
        paths = {self._digests[file]: self._folder / file.name for file in files}
        new = [one.sha256 for one in entries if one.sha256 not in known]
        for sha256 in new:
            self._objects.put_file(self._place + file_name(sha256), paths[sha256], progress)
        for sha256 in over:
            self._objects.delete(self._place + file_name(sha256))
        self._objects.put(self._place + day_name(day), sign_day(after, self._pair))
        self._days[day] = after
        return len(new)

    def _before(self, day: int) -> Day:
        """The list of a day in the store; an empty one if there is none, or it is not ours. Raises Retry."""
        if day not in self._days:
            self._days[day] = self._stored(day)
        return self._days[day]

    def _stored(self, day: int) -> Day:
        body = self._objects.get(self._place + day_name(day))
        try:
            if body is not None:
                return read_day(body, self._pair.public, self._sensor, self._site, day)
        except Invalid:
            pass
        return Day(self._sensor, self._site, day, 0, [])

    def _entry(self, file: File) -> Entry:
        """Raises FileNotFoundError if the file was replaced."""
        if file not in self._digests:
            with (self._folder / file.name).open("rb") as source:
                self._digests[file] = hashlib.file_digest(source, "sha256").hexdigest()
        return Entry(self._digests[file], file.table, file.hour, file.rows, file.size, file.first, file.last, file.crc)


def _open_hour(files: Sequence[File]) -> int:
    """The first hour whose files are still written, or will be compacted soon."""
    new = Counter((file.table, file.hour) for file in files if file.compact == NEW)
    waiting = (hour for (_, hour), count in new.items() if count > 1)
    return min([max((file.last for file in files), default=0) // HOUR_US, *waiting])


def _merged(before: Iterable[Entry], now: Iterable[Entry]) -> list[Entry]:
    """The files of a day by table: those of the sensor, unless they have fewer rows than before, because the sensor
    deleted some.
    """
    old, new = _by_table(before), _by_table(now)
    chosen = [
        new[table] if _rows(new.get(table, [])) >= _rows(old.get(table, [])) else old[table]
        for table in sorted(old.keys() | new.keys())
    ]
    return [entry for some in chosen for entry in some]


def _by_table(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.table, entry.first, entry.sha256)):
        found.setdefault(entry.table, []).append(entry)
    return found


def _rows(entries: Iterable[Entry]) -> int:
    return sum(entry.rows for entry in entries)


def _day_of(file: File) -> int:
    return file.hour // HOURS
