"""Position: how far an output is in the log, and what became of what is behind it. Kept in ``<log>.cursors/NAME.json``,
replaced as a whole.

Every number up to ``seq`` is done with; so is every alert and incident up to ``alerts``, which is ahead of ``seq``
while they overtake a backlog. What is counted and how far it goes are written together, so that a crash never counts
anything twice: always

    (seq - begin) + ahead + repeated = delivered + filtered + refused + missing
"""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from pathlib import Path

import msgspec

HIGHEST = 1 << 53
FULL = (errno.ENOSPC, errno.EDQUOT)


class Position(msgspec.Struct):
    """``begin``: the last number before those that are counted; ``ahead``: alerts and incidents behind ``seq`` that are
    done with; ``repeated``: numbers that were done with when the operator went back; ``id``: of the record at ``seq``,
    by which another log of the same name is recognised.
    """

    seq: int = 0
    alerts: int = 0
    begin: int = 0
    ahead: int = 0
    repeated: int = 0
    delivered: int = 0
    filtered: int = 0
    refused: int = 0
    missing: int = 0
    id: str = ""
    check: str = ""

    @property
    def done(self) -> int:
        """Numbers that are done with, again where they came again."""
        return self.delivered + self.filtered + self.refused + self.missing

    @property
    def whole(self) -> bool:
        """Whether it can be trusted: a damaged digit must not skip anything."""
        return self.check == _sum(self) and 0 <= self.seq < HIGHEST and 0 <= self.alerts < HIGHEST

    def pending(self, end: int) -> int:
        """Numbers of a log that ends with ``end`` which are still to come."""
        return max(0, end - max(self.seq, self.begin) - self.ahead)

    def back_to(self, seq: int) -> None:
        """Go back: what follows ``seq`` comes again. Forward it does not go."""
        if seq < self.seq or seq < self.alerts:
            self.repeated += self.seq - min(seq, self.seq) + self.ahead
            self.seq = min(seq, self.seq)
            self.alerts, self.ahead, self.id = self.seq, 0, ""


def _sum(position: Position) -> str:
    return f"{zlib.crc32(msgspec.json.encode(msgspec.structs.replace(position, check=''))):08x}"


def load_position(path: Path) -> Position | None:
    """None where there is none, or none that can be trusted."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Position)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.whole else None


def found_position(path: Path) -> Position | None:
    """The position there, else the one that was kept before: some numbers come again then, none is left out."""
    return load_position(path) or load_position(before_of(path))


def before_of(path: Path) -> Path:
    """Where an earlier position is kept, for the case that the newest cannot be read."""
    return path.with_suffix(".before")


def save_position(path: Path, position: Position, *, durable: bool) -> None:
    """Replace the file as a whole. ``durable``: it outlives a loss of power, which takes its time. OSError where it
    cannot be written.
    """
    position.check = _sum(position)
    replace_file(path, msgspec.json.encode(position) + b"\n", durable=durable)


def replace_file(path: Path, data: bytes, *, durable: bool) -> None:
    """The whole new file, or the old one. OSError where it cannot be written.

    A full disk has no room for a new file: what is there is written over then. Otherwise the log would wait for cursors
    that wait for the log to shrink.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    try:
        _write(temporary, data, os.O_CREAT | os.O_TRUNC, durable=durable)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if error.errno not in FULL or not path.exists():
            raise
        _write(path, data, 0, durable=durable)
        return
    if durable:
        sync_folder(path.parent)


def _write(path: Path, data: bytes, flags: int, *, durable: bool) -> None:
    """All of it from the beginning of the file on, and nothing behind it."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o640)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        os.ftruncate(file, len(data))
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where its file system can."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(file)
    finally:
        os.close(file)
