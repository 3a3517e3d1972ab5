"""Writes documents for people to read and edit, atomically."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_whole(path: Path, text: bytes) -> None:
    """Replace the file atomically, with the permissions of the old one. Raises OSError with its name if it cannot be
    written; nothing is then left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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
