"""The cache of parsed documents, valid until one of them changes."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sensor.fingerprinting.folder_cache import FolderCache


class Words(msgspec.Struct):
    """An object to cache."""

    words: list[str]


def folder(tmp_path: Path) -> Path:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.yaml").write_text("a: 1")
    return tmp_path


def test_kept_until_a_document_changes(tmp_path: Path) -> None:
    """The next start reads the cache; an edited, new or removed document invalidates it, and the next write replaces
    it.
    """
    place = folder(tmp_path)
    assert FolderCache(place).take(Words) is None
    FolderCache(place).put(Words(["x"]))
    assert FolderCache(place).take(Words) == Words(["x"])
    (place / "one" / "a.yaml").write_text("a: 2")
    os.utime(place / "one" / "a.yaml", ns=(1, 1))
    assert FolderCache(place).take(Words) is None
    FolderCache(place).put(Words(["y"]))
    assert [path.suffix for path in (place / "__pycache__").iterdir()] == [".msgpack"]
    (place / "b.yaml").write_text("b: 1")
    assert FolderCache(place).take(Words) is None


def test_what_is_broken_is_read_again(tmp_path: Path) -> None:
    """A truncated file, another structure or a read-only folder gives an empty cache without an error."""
    place = folder(tmp_path)
    FolderCache(place).put(Words(["x"]))
    [kept] = (place / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert FolderCache(place).take(Words) is None
    kept.write_bytes(msgspec.msgpack.encode([1, 2]))
    assert FolderCache(place).take(Words) is None
    (place / "__pycache__" / kept.name).unlink()
    (place / "__pycache__").rmdir()
    (place / "__pycache__").write_text("in the way")
    FolderCache(place).put(Words(["x"]))
    assert FolderCache(place).take(Words) is None
