"""Where a log of a live run continues: after a clean end, after a crash, and after damage.

Only the last segment is read here; the others are checked while the sensor runs (``retention.py``). Nothing is ever
overwritten or removed, except a last line without an end. Numbers continue above everything that is known: the
segments, the hint beside them, and the cursors of outputs.
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
    """``next``: the first number to give; ``path``: the segment to continue in, None: a new one; ``torn``: bytes of a
    last line that were cut off.
    """

    next: int
    path: Path | None
    torn: int
    damages: list[Damage]


class _End(NamedTuple):
    """What the last segment is like. ``number``: the last one that is surely taken; ``clean``: nothing is wrong with
    it.
    """

    number: int
    clean: bool
    torn: int
    damages: list[Damage]


def prepare(log: Path) -> Path:
    """The folder of segments; made where it is not there, for whom the folder around it belongs to. OSError where it
    cannot be written.
    """
    folder = folder_of(log)
    if log.is_symlink() and log.readlink().parent.name != folder.name:
        raise OSError(errno.EINVAL, "it is a link to something else: name that", str(log))
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o750)
        if os.geteuid() == 0:  # who becomes another user after the interfaces are open continues writing here
            around = folder.parent.stat()
            os.chown(folder, around.st_uid, around.st_gid)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(
            errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES,
            "it cannot be written",
            str(folder),
        )
    return folder


def adopt(log: Path) -> list[Damage]:
    """Tidy up what a crash left, and make a plain log of an earlier version the first segment. OSError where that
    cannot be.
    """
    for left in folder_of(log).glob("*.new"):
        left.unlink()
    return [] if log.is_symlink() or not log.exists() else _adopt(log)


def resume(log: Path, hint: Hint) -> Start:
    """Look at the end of a log. A torn last line is cut off."""
    there = segments(log)
    end = _look(log, there[-1]) if there else _End(0, True, 0, [])
    damages = list(end.damages)
    if hint.damaged:
        damages.append(Damage(NEXT, 1, "it cannot be read: numbers go on after those of the last segment"))
    damages += [Damage(name, 1, "it cannot be read: its output starts from the beginning") for name in unreadable(log)]
    known = max(end.number, hint.number - 1, furthest(log))
    if known > end.number:
        last = there[-1].path.name if there else folder_of(log).name
        damages.append(Damage(last, 0, f"the end is missing: records {end.number + 1:,} to {known:,}"))
    usable = there and end.clean and known == end.number and not there[-1].compressed
    return Start(known + 1, there[-1].path if usable else None, end.torn, damages)


def first_segment(log: Path, number: int) -> Path:
    """An empty segment, so that a log is there for who reads along before the first record is. OSError where that
    cannot be.
    """
    path = segment_path(log, number)
    os.close(open_file(path))
    return path


def show(log: Path, path: Path) -> None:
    """Point the name of a log to a segment where it does not."""
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
    """Cut off what is behind the last whole line: how many bytes; and whether that was something else than the
    beginning of one.
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
    """Lines of a plain segment; 0 for a compressed one, whose end is in the next segment's name."""
    if segment.compressed:
        return 0
    with segment.path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))


def _adopt(log: Path) -> list[Damage]:
    """Make a plain log the first segment. One whose numbers may be those of segments that are there is set aside."""
    folder = folder_of(log)
    with log.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "another sensor writes it", str(log)) from None
        first = _first_number(log)
        if any(folder.glob(f"*{PLAIN}*")):
            aside = next(
                path for number in range(1, 1000) if not (path := log.with_suffix(f".{number}{PLAIN}")).exists()
            )
            log.rename(aside)
            return [Damage(log.name, 0, f"it stood where the link to the segments belongs, and is {aside.name} now")]
        log.rename(segment_path(log, first))
        sync_folder(folder)
    return []


def _first_number(log: Path) -> int:
    """The number of the first line of a plain log, be it there or torn or damaged. OSError where it
    is something else.
    """
    line, place = b"", -1
    with log.open("rb") as lines:
        for place, line in enumerate(lines):
            if (number := number_of(line)) is not None and number > place:
                return number - place
    if place > 0 or (place == 0 and (line.endswith(b"\n") or not line.startswith(FIRST_KEY[: len(line)]))):
        raise OSError(errno.EINVAL, "it is no event log, and is left as it is", str(log))
    return 1
