"""Mutes as rows: those of the file that the engine reads, and the alerts that they suppressed, from the log of
suppressed alerts.

The file is the durable form of mutes, as the notes are of operator actions on alerts: `sensor mute` writes it, users
may edit it, and the tables follow it. If it cannot be read, the previous mutes remain in effect, here as in the engine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import muted_log
from sensor.eventlog.segments import segments
from sensor.inventory.store.database import StoreError
from sensor.tables.batch import id_of
from sensor.tables.lines import TEXT, WORD, AlertPart, Line, time_ns, time_or
from sensor.tables.tables import ends_at, holds, transaction

if TYPE_CHECKING:
    from sensor.alerts.mutes import Mute

# Key in ``meta`` of the file that the engine reads mutes from.
FILE_NAME = "mutes"
STANDARD = "mutes.yaml"
LINES = 1000
_MUTE = "INSERT INTO mutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MUTED = "INSERT OR REPLACE INTO muted_alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class _SuppressingMute(msgspec.Struct):
    """The mute that suppressed an alert."""

    id: str = ""


class _MutedPart(AlertPart):
    """The fields of a suppressed alert."""

    muted: _SuppressingMute = msgspec.field(default_factory=_SuppressingMute)


class _MutedLine(Line):
    """A record of the log of suppressed alerts."""

    alert: _MutedPart | None = None


class _MutesPosition(NamedTuple):
    """A row of ``mutes_position``."""

    stamp: str = ""
    fault: str = ""
    seq: int = 0
    record: str = ""


_LINE = msgspec.json.Decoder(_MutedLine)


def file_of_mutes(base: sqlite3.Connection, log: Path) -> Path:
    """The file that the engine read last for this log; if unknown, the standard one beside the store, or beside a log
    that is read alone.
    """
    row = base.execute("SELECT value FROM meta WHERE name = ?", (FILE_NAME,)).fetchone()
    if row is not None and row[0]:
        return Path(str(row[0]))
    store = base.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    return (Path(str(store)) if store else log).with_name(STANDARD)


def stamp_of(path: Path) -> str:
    """The state of a file: its path, modification time and size. Distinct if the file is missing."""
    try:
        found = path.stat()
    except OSError:
        return f"{path}|none"
    return f"{path}|{found.st_mtime_ns}|{found.st_size}"


def mutes_behind(base: sqlite3.Connection, log: Path) -> bool:
    """Whether the file of mutes changed, or more alerts were suppressed, since the tables were built. Raises OSError,
    sqlite3.Error.
    """
    place = _place(base)
    if place.stamp != stamp_of(file_of_mutes(base, log)):
        return True
    quiet = muted_log(log)
    if not parts(quiet):
        return bool(place.seq)
    return not ends_at(quiet, place.seq, place.record)


def follow_mutes(base: sqlite3.Connection, log: Path) -> bool:
    """Bring both tables up to date with their sources, in one transaction; returns whether anything changed. Raises
    StoreError or OSError: nothing was changed.
    """
    try:
        if not mutes_behind(base, log):
            return False
        with transaction(base):
            place = _read_file(base, file_of_mutes(base, log), _place(base))
            place = _read_log(base, muted_log(log), place)
            base.execute("INSERT OR REPLACE INTO mutes_position VALUES (1, ?, ?, ?, ?)", place)
    except sqlite3.Error as error:
        raise StoreError(str(error)) from None
    return True


def _place(base: sqlite3.Connection) -> _MutesPosition:
    row = base.execute("SELECT stamp, fault, seq, record FROM mutes_position").fetchone()
    return _MutesPosition(*row) if row is not None else _MutesPosition()


def _read_file(base: sqlite3.Connection, path: Path, place: _MutesPosition) -> _MutesPosition:
    stamp = stamp_of(path)
    if stamp == place.stamp:
        return place
    if not path.exists():  # otherwise the libraries that read it are not loaded
        base.execute("DELETE FROM mutes")
        return place._replace(stamp=stamp, fault="")
    from sensor.alerts.mutes import load_mutes
    from sensor.documents import DocumentErrors

    try:
        mutes = load_mutes(path)
    except DocumentErrors as errors:
        # The reason contains nothing of the file: readers of the store may not have access to every file that it names.
        fault = f"{path} is not valid ({len(errors.faults):,} faults, which `sensor mute list` shows)"
        return place._replace(stamp=stamp, fault=fault[:TEXT])
    base.execute("DELETE FROM mutes")
    base.executemany(_MUTE, map(_mute, enumerate(mutes, 1)))
    return place._replace(stamp=stamp, fault="")


def _mute(numbered: tuple[int, Mute]) -> tuple[object, ...]:
    number, one = numbered
    return (
        number, one.id, one.detector, one.src, one.dst, one.port or 0, one.type, one.vlan or 0, one.hours, one.author,
        one.reason,
        time_or(one.created, 0), time_or(one.expires, 0), one.scope,
    )  # fmt: skip


def _read_log(base: sqlite3.Connection, quiet: Path, place: _MutesPosition) -> _MutesPosition:
    """Add the alerts suppressed since; all of them if it is another log. Alerts that the log has removed by age are
    deleted here too.
    """
    if place.seq and not (parts(quiet) and holds(quiet, place.seq, place.record)):
        base.execute("DELETE FROM muted_alerts")
        place = place._replace(seq=0, record="")
    if not parts(quiet):
        return place
    cursor = LogCursor(quiet, place.seq)
    try:
        while taken := cursor.read(LINES):
            lines = [(number, line, text) for number, text in taken if (line := _line(text)) is not None]
            base.executemany(_MUTED, _rows(lines))
            place = place._replace(seq=taken[-1][0], record=id_of(taken[-1][1]))
    finally:
        cursor.close()
    first = next((one.first for one in segments(quiet)), 0)
    base.execute("DELETE FROM muted_alerts WHERE seq < ?", (first,))
    return place


def _line(text: bytes) -> _MutedLine | None:
    """A suppressed alert; None if the line is unusable."""
    try:
        line = _LINE.decode(text)
        time_ns(line.ts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return None
    return line


def _rows(lines: Iterable[tuple[int, _MutedLine, bytes]]) -> Iterable[tuple[object, ...]]:
    """The rows of suppressed alerts; the last record of each counts."""
    for number, line, text in lines:
        if (part := line.alert) is not None:
            yield (
                (part.key or part.id)[:WORD], part.id[:WORD], part.muted.id[:WORD], line.level, part.detector[:WORD],
                part.count,
                time_or(part.last, time_ns(line.ts)), number, line.summary, text.decode(errors="replace"),
            )  # fmt: skip
