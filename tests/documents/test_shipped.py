"""Shipped documents are validated once, and read from a cache until they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from sensor.documents import DocumentErrors, load_shipped, write_whole
from sensor.documents import shipped as room


class Terms(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: list[str] = []


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The documents that were parsed."""
    parsed, load = list[Path](), room.load_document

    def counted(path: Path, model: type[Terms], *, context: object) -> Terms:
        parsed.append(path)
        return load(path, model, context=context)

    monkeypatch.setattr(room, "load_document", counted)
    return parsed


def written(path: Path, text: str, second: int) -> Path:
    path.write_text(text)
    os.utime(path, (second, second))
    return path


def test_a_document_that_cannot_be_written(tmp_path: Path) -> None:
    """The error has the name of the document, not that of the temporary file, which is removed."""
    path = tmp_path / "mutes.yaml"
    (path / "taken").mkdir(parents=True)
    with pytest.raises(OSError, match="mutes") as caught:
        write_whole(path, b"mutes: []\n")
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == [path]


def cached(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").iterdir())


def test_a_document_is_parsed_once(tmp_path: Path, read: list[Path]) -> None:
    """The second time it comes from the cache, which has one file for it."""
    path = written(tmp_path / "one.yaml", "names: [hp]", 1)
    assert [load_shipped(path, Terms).names for _ in range(3)] == [["hp"]] * 3
    assert read == [path]
    assert len(cached(tmp_path)) == 1


def test_a_change_is_read(tmp_path: Path, read: list[Path]) -> None:
    """A changed document replaces the cached one; a faulty one raises its faults each time."""
    path = written(tmp_path / "one.yaml", "names: [hp]", 1)
    load_shipped(path, Terms)
    assert load_shipped(written(path, "names: [hq]", 2), Terms).names == ["hq"]
    assert len(cached(tmp_path)) == 1
    written(path, "nams: [hq]", 3)
    for _ in range(2):
        with pytest.raises(DocumentErrors):
            load_shipped(path, Terms)
    assert len(read) == 4


def test_any_damage_of_the_cache_costs_time_only(tmp_path: Path, read: list[Path]) -> None:
    """Every truncation and another object are replaced by the parsed document."""
    path = written(tmp_path / "one.yaml", "names: [hp]", 1)
    load_shipped(path, Terms)
    [kept] = cached(tmp_path)
    good = kept.read_bytes()
    damaged = [good[:size] for size in range(len(good))] + [b"", b"\x80\x05N."]
    for data in damaged:
        kept.write_bytes(data)
        assert load_shipped(path, Terms).names == ["hp"]
    assert len(read) == 1 + len(damaged)
    assert kept.read_bytes() == good


def test_a_folder_that_cannot_be_written(tmp_path: Path, read: list[Path]) -> None:
    """Without a cache the document is parsed each time."""
    path = written(tmp_path / "one.yaml", "names: [hp]", 1)
    (tmp_path / "__pycache__").write_text("a file")
    assert [load_shipped(path, Terms).names for _ in range(2)] == [["hp"]] * 2
    assert len(read) == 2
