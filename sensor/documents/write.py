"""Writes documents for people to read and edit, atomically."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, text: bytes) -> None:
    """Replace the file atomically, with the permissions of the old one. Raises OSError with its name if it cannot be
    written; nothing is then left behind. Of several writers, each waits for the one before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    try:
        with _only_writer(temporary) as file, _removed_on_error(temporary):
            file.truncate(0)  # a writer may have been killed
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextlib.contextmanager
def _only_writer(path: Path) -> Iterator[BinaryIO]:
    """The file, created if absent, while no other process or thread writes it."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether it is still there: the writer before renames or removes it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def write_entries(path: Path, heading: str, name: str, entries: Sequence[Mapping[str, object]]) -> None:
    """A document with a list ``name`` of entries, below a comment; one value per line as JSON, which is YAML. Raises
    OSError if it cannot be written.
    """
    lines = [heading, f"{name}:\n" if entries else f"{name}: []\n"]
    for entry in entries:
        lines += [
            f"  {'- ' if place == 0 else '  '}{key}: {json.dumps(value, ensure_ascii=False)}\n"
            for place, (key, value) in enumerate(entry.items())
        ]
    write_whole(path, "".join(lines).encode())
