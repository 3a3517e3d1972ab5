"""Where the log of a live run continues: after a clean end, after a crash, and after damage.

Only the last segment is read here; the others are checked while the sensor runs (``retention.py``). Nothing is ever
overwritten or removed, except an unterminated last line. Numbers continue above every known one: those of the segments,
the hint beside them, and the cursors of outputs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.cursors import furthest, unreadable
from sensor.eventlog.disk import open_file, point, sync_folder
from sensor.eventlog.hint import NEXT, Hint
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import Damage
from sensor.eventlog.segment_lines import CHUNK
from sensor.eventlog.segments import PLAIN, Segment, folder_of, number_of, segment_path, segments

FIRST_KEY = b'{"ts":'


class Start(NamedTuple):
    """``next``: the next number to assign; ``path``: the segment to continue in, None: a new one; ``torn``: bytes of an
    incomplete last line that were cut off.
    """

    next: int
    path: Path | None
    torn: int
    damages: list[Damage]


class _End(NamedTuple):
    """The state of the last segment. ``number``: the last number that is known to be assigned; ``clean``: there is no
    damage.
    """

    number: int
    clean: bool
    torn: int
    damages: list[Damage]


def prepare(log: Path) -> Path:
    """The folder of segments, created if it does not exist, with the owner of its parent folder. Raises OSError if it
    cannot be written.
    """
    folder = folder_of(log)
    if log.is_symlink() and log.readlink().parent.name != folder.name:
        raise OSError(errno.EINVAL, "it is a link to another file: specify that file", str(log))
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o750)
        if os.geteuid() == 0:  # a process that changes its user later continues here
            around = folder.parent.stat()
            os.chown(folder, around.st_uid, around.st_gid)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(
            errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES,
            "it is not writable",
            str(folder),
        )
    return folder


def adopt(log: Path) -> list[Damage]:
    """Clean up after a crash, and make a plain log of an earlier version the first segment. Raises OSError if that
    fails.
    """
    for left in folder_of(log).glob("*.new"):
        left.unlink()
    return [] if log.is_symlink() or not log.exists() else _adopt(log)


def resume(log: Path, hint: Hint) -> Start:
    """Check the end of a log. An incomplete last line is cut off."""
    there = segments(log)
    end = _look(log, there[-1]) if there else _End(0, True, 0, [])
    damages = list(end.damages)
    if hint.damaged:
        damages.append(Damage(NEXT, 1, "it cannot be read: numbers continue after those of the last segment"))
    damages += [Damage(name, 1, "it cannot be read: its output starts from the beginning") for name in unreadable(log)]
    known = max(end.number, hint.number - 1, furthest(log))
    if known > end.number:
        last = there[-1].path.name if there else folder_of(log).name
        damages.append(Damage(last, 0, f"the end is missing: records {end.number + 1:,} to {known:,}"))
    usable = there and end.clean and known == end.number and not there[-1].compressed
    return Start(known + 1, there[-1].path if usable else None, end.torn, damages)


def first_segment(log: Path, number: int) -> Path:
    """Create an empty segment, so that readers find a log before the first record is written. Raises OSError if that
    fails.
    """
    path = segment_path(log, number)
    os.close(open_file(path))
    return path


def show(log: Path, path: Path) -> None:
    """Link the name of a log to a segment, unless it already is."""
    with contextlib.suppress(OSError):
        if log.readlink().name == path.name:
            return
    point(log, path)


def _look(log: Path, last: Segment) -> _End:
    torn, broken = _cut_torn(last)
    lines = _count(last)
    cursor = LogCursor(log, last.first - 1)
    try:
        taken = 0
        while some := cursor.read():
            taken += len(some)
        damages = list(cursor.damages)
        if taken + cursor.damaged < lines:
            damages.append(Damage(last.path.name, taken + cursor.damaged + 1, "numbers that do not follow"))
        clean = not damages and not cursor.missing and taken == lines and not broken
        number = max(cursor.at, last.first - 1 + lines)
    finally:
        cursor.close()
    return _End(number, clean, torn, damages)


def _cut_torn(segment: Segment) -> tuple[int, bool]:
    """Cut off what follows the last complete line: returns the number of bytes, and whether they were something other
    than the beginning of a line.
    """
    if segment.compressed:
        return 0, False
    file = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = place = os.fstat(file).st_size
        whole = 0
        while place and not whole:
            start = max(0, place - CHUNK)
            found = os.pread(file, place - start, start).rfind(b"\n")
            place, whole = start, start + found + 1 if found >= 0 else 0
        begins = os.pread(file, len(FIRST_KEY), whole)
        if whole < size:
            os.ftruncate(file, whole)
        return size - whole, not FIRST_KEY.startswith(begins)
    finally:
        os.close(file)


def _count(segment: Segment) -> int:
    """Number of lines in a plain segment; 0 for a compressed one, whose end is known from the next segment's name."""
    if segment.compressed:
        return 0
    with segment.path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))


def _adopt(log: Path) -> list[Damage]:
    """Make a plain log the first segment. One whose numbers may overlap with existing segments is moved aside."""
    folder = folder_of(log)
    with log.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another sensor is writing it", str(log)) from None
        first = _first_number(log)
        if any(folder.glob(f"*{PLAIN}*")):
            aside = next(
                path for number in range(1, 1000) if not (path := log.with_suffix(f".{number}{PLAIN}")).exists()
            )
            log.rename(aside)
            return [
                Damage(
                    log.name, 0, (f"it was in the place of the link to the segments, and was renamed to {aside.name}")
                )
            ]
        log.rename(segment_path(log, first))
        sync_folder(folder)
    return []


def _first_number(log: Path) -> int:
    """The number of the first line of a plain log, even if that line is incomplete or damaged. Raises OSError if the
    file is something else.
    """
    line, place = b"", -1
    with log.open("rb") as lines:
        for place, line in enumerate(lines):
            if (number := number_of(line)) is not None and number > place:
                return number - place
    if place > 0 or (place == 0 and (line.endswith(b"\n") or not line.startswith(FIRST_KEY[: len(line)]))):
        raise OSError(errno.EINVAL, "it is not an event log, and was not changed", str(log))
    return 1
