"""A cache of a folder of documents, like that of compiled Python modules: in ``__pycache__`` beside them, valid until a
file changes.

Parsing and validating thousands of fingerprints takes longer than replaying a small capture; the cache takes a few
milliseconds. If the folder is not writable, the documents are parsed each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from sensor import __version__
from sensor.core import literals
from sensor.documents.shipped import store

Stored = TypeVar("Stored")
# The modules that determine what is stored.
READERS = (*map(Path(__file__).with_name, ("load.py", "entries.py", "vocabulary.py")), Path(literals.__file__))


class FolderCache:
    """The cache of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "__pycache__" / f"{_digest(folder)}.msgpack"

    def take(self, kind: type[Stored]) -> Stored | None:
        """The cached object; None if a file changed since, or the cache is absent or incomplete."""
        try:
            return msgspec.msgpack.decode(self._path.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return None

    def put(self, kept: object) -> None:
        """Store an object, replacing the previous one."""
        store(self._path, msgspec.msgpack.encode(kept), "*.msgpack")


def _digest(folder: Path) -> str:
    """Changes with every change of a document, and of the program that reads them."""
    documents = sorted((path, status.st_size, status.st_mtime_ns) for path, status in _statuses(str(folder)))
    readers = [(path.st_size, path.st_mtime_ns) for path in map(Path.stat, READERS)]
    return hashlib.blake2b(repr((__version__, readers, str(folder), documents)).encode(), digest_size=12).hexdigest()


def _statuses(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """The documents in a folder and below. ``os.scandir`` takes a third of the time of ``Path.rglob``."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _statuses(entry.path)
            elif entry.name.endswith(".yaml"):
                yield entry.path, entry.stat()
