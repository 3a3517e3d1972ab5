"""Position of an output in the log, and counts of everything before it. Stored in ``<log>.cursors/NAME.json``, which is
replaced atomically.

Every number up to ``seq`` is settled; so is every alert and incident up to ``alerts``, which is ahead of ``seq`` while
they overtake a backlog. Counts and position are written together, so that a crash never counts anything twice. Always:

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
    """``begin``: the last number before the counted ones; ``ahead``: settled alerts and incidents after ``seq``;
    ``repeated``: numbers that were settled when the operator went back; ``id``: of the record at ``seq``, to recognize
    a replaced log.
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
        """Settled numbers, including repeated ones."""
        return self.delivered + self.filtered + self.refused + self.missing

    @property
    def whole(self) -> bool:
        """Whether it is consistent: a damaged digit must not skip anything."""
        return self.check == _sum(self) and 0 <= self.seq < HIGHEST and 0 <= self.alerts < HIGHEST

    def pending(self, end: int) -> int:
        """Unsettled numbers of a log that ends with ``end``."""
        return max(0, end - max(self.seq, self.begin) - self.ahead)

    def back_to(self, seq: int) -> None:
        """Go back: records after ``seq`` are sent again. Does not go forward."""
        if seq < self.seq or seq < self.alerts:
            self.repeated += self.seq - min(seq, self.seq) + self.ahead
            self.seq = min(seq, self.seq)
            self.alerts, self.ahead, self.id = self.seq, 0, ""


def _sum(position: Position) -> str:
    return f"{zlib.crc32(msgspec.json.encode(msgspec.structs.replace(position, check=''))):08x}"


def load_position(path: Path) -> Position | None:
    """None if the file is absent or inconsistent. Raises PermissionError: its content is unknown then."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Position)
    except PermissionError:
        raise
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.whole else None


def found_position(path: Path) -> Position | None:
    """The stored position, otherwise the previous one: some numbers are then sent again, none is skipped. Raises
    PermissionError.
    """
    return load_position(path) or load_position(before_of(path))


def before_of(path: Path) -> Path:
    """Path of the previous position, in case the newest cannot be read."""
    return path.with_suffix(".before")


def save_position(path: Path, position: Position, *, durable: bool) -> None:
    """Replace the file atomically. ``durable``: survives a power loss, which takes time. Raises OSError if it cannot be
    written.
    """
    position.check = _sum(position)
    replace_file(path, msgspec.json.encode(position) + b"\n", durable=durable)


def replace_file(path: Path, data: bytes, *, durable: bool) -> None:
    """Write the complete new file, or keep the old one. Raises OSError if it cannot be written.

    A full disk has no room for a new file: the existing one is then overwritten in place. Otherwise the log would wait
    for cursors that wait for the log to shrink.
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
    """Overwrite the file from its beginning, and truncate it."""
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
    """Make names in a folder durable, if its file system supports it."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(file)
    finally:
        os.close(file)
