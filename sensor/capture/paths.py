"""Expands file arguments: names, folders (with their subfolders), patterns, and ``-`` for standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PIPE = "-"


def expand(paths: Iterable[str]) -> list[str]:
    """All files, each once, in the order given, sorted by name within a folder or pattern. Patterns without matches and
    empty folders stay in the list: opening them reports the error.
    """
    seen: dict[str, str] = {}
    for path in paths:
        for file in _files(path):
            seen.setdefault(file if file == PIPE else os.path.realpath(file), file)
    return list(seen.values())


def _files(path: str) -> Iterator[str]:
    if path == PIPE or os.path.lexists(path) or not glob.has_magic(path):
        yield from _one(path)
    else:
        for match in sorted(glob.glob(path, recursive=True)) or (path,):  # noqa: PTH207  (Path.glob knows no absolute patterns)
            yield from _one(match)


def _one(path: str) -> Iterable[str]:
    return (path != PIPE and Path(path).is_dir() and list(below(path))) or (path,)


def below(folder: str) -> Iterator[str]:
    """The regular files in a folder and its subfolders, and folders that cannot be read. Hidden files are left out:
    copying programs create them temporarily.
    """
    closed: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(str(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(place, name)
            if not name.startswith(".") and (file.is_file() or not file.exists()):
                yield str(file)
    yield from closed
