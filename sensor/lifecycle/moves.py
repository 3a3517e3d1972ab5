"""Moves several files together: all of them, or none. The moves are recorded first, so that an interrupted run can be
undone.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.eventlog.disk import sync_folder


class Move(msgspec.Struct, frozen=True, array_like=True):
    """A file or folder and its new name."""

    source: str
    target: str


def carry_out(moves: Sequence[Move], note: Path) -> None:
    """Execute all moves. Raises OSError if one fails: then the previous ones are undone."""
    temporary = note.with_name(note.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(moves))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(note)
    sync_folder(note.parent)
    try:
        for move in moves:
            target = Path(move.target)
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(move.source).rename(target)
    except OSError:
        undo(note)
        raise
    _end(moves, note)


def undo(note: Path) -> bool:
    """Undo recorded moves; returns whether there were any. Raises OSError if that fails, or another user wrote the
    record, which is kept.
    """
    if not os.path.lexists(note):
        return False
    if note.is_symlink() or note.stat().st_uid != os.geteuid():
        raise OSError(errno.EPERM, "another user wrote it: let that user restore, or remove it", str(note))
    try:
        moves = msgspec.json.decode(note.read_bytes(), type=list[Move])
    except msgspec.DecodeError:
        raise OSError(errno.EINVAL, "it cannot be read: remove it", str(note)) from None
    for move in reversed(moves):
        source, target = Path(move.source), Path(move.target)
        if os.path.lexists(target) and not os.path.lexists(source):
            target.rename(source)
    _end(moves, note)
    return True


def _end(moves: Sequence[Move], note: Path) -> None:
    """Sync all names to disk before deleting the record."""
    for folder in {Path(path).parent for move in moves for path in (move.source, move.target)}:
        with contextlib.suppress(FileNotFoundError):
            sync_folder(folder)
    note.unlink()
    sync_folder(note.parent)
