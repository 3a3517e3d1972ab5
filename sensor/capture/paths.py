"""From what people write to files: names, folders (with what is below them), patterns, and ``-`` for standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PIPE = "-"


def expand(paths: Iterable[str]) -> list[str]:
    """All files, each once, in the order given, and by name within a folder or pattern. What matches nothing, and an
    empty folder, stays in the list: opening it reports the error.
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
    """The ordinary files in a folder and its folders, and folders that may not be looked into. Hidden ones are left
    out: programs that copy make them for a moment.
    """
    closed: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(str(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(place, name)
            if not name.startswith(".") and (file.is_file() or not file.exists()):
                yield str(file)
    yield from closed
