"""A manifest that is damaged or missing: it is rebuilt from the files, and no row is lost."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.records.manifest import Manifest, ManifestError
from sensor.records.paths import MANIFEST
from sensor.records.schema import TABLES
from sensor.records.waiting import write_waiting
from sensor.records.writer import Writer
from tests.records.kit_records import office_records, rows, table


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the records of the office."""
    shutil.copytree(office_records(tmp_path_factory), tmp_path / "records")
    for side in ("-wal", "-shm"):
        (tmp_path / "records" / f"{MANIFEST}{side}").unlink(missing_ok=True)
    return tmp_path / "records"


def broken_page(path: Path, name: str) -> None:
    """Overwrite the root page of a table."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        (page,) = base.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        (size,) = base.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def counts(folder: Path) -> dict[str, int]:
    return {name: table(folder, name).num_rows for name, one in TABLES.items() if one.stored}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "other": lambda path: path.write_bytes(b"damaged" * 1000),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:6000]),
    "file": lambda path: broken_page(path, "file"),
    "tail": lambda path: broken_page(path, "tail"),
    "device": lambda path: broken_page(path, "device"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_all_rows_are_listed_again(folder: Path, how: str) -> None:
    """The writer reports it once, keeps the damaged file, and continues; searches have all rows."""
    before, connections, messages = counts(folder), rows(folder, "conn"), list[str]()
    DAMAGES[how](folder / MANIFEST)
    for _ in range(2):
        Writer(folder, messages.append).close()
    assert (counts(folder), rows(folder, "conn")) == (before, connections)
    assert len(messages) == 1
    assert str(folder / MANIFEST) in messages[0]
    assert (folder / f"{MANIFEST}.damaged-1").exists() == (how != "missing")


def test_the_first_reader_does_it_where_no_writer_runs(folder: Path) -> None:
    before, messages = counts(folder), list[str]()
    (folder / MANIFEST).unlink()
    assert write_waiting(folder, messages.append) == ""
    assert (counts(folder), len(messages)) == (before, 1)


def test_replaced_files_are_not_listed_again(folder: Path) -> None:
    """Files that a compaction has replaced are hidden in the readable part: their rows are not there twice."""
    manifest = Manifest(folder / MANIFEST, write=True)
    (hidden, *_) = manifest.files("dns")
    with manifest.transaction():
        manifest.drop([hidden.name], 1.0)
        manifest.reached("run-000001.tail", 4711)
        manifest.keep_pending("run", b"waiting")
    manifest.close()
    before = counts(folder)
    broken_page(folder / MANIFEST, "device")
    writer = Writer(folder, lambda _: None)
    found = writer.manifest.offsets(), writer.manifest.pending()
    writer.close()
    assert counts(folder) == before
    assert found == ({"run-000001.tail": 4711}, {"run": b"waiting"})


def test_files_that_cannot_be_read_are_kept(folder: Path) -> None:
    """The writer deletes files that its manifest does not list: a truncated one is only renamed."""
    manifest, messages = Manifest(folder / MANIFEST), list[str]()
    (truncated, *_) = manifest.files("conn")
    manifest.close()
    path, before = folder / truncated.name, counts(folder)
    path.write_bytes(content := path.read_bytes()[:500])
    (folder / MANIFEST).unlink()
    Writer(folder, messages.append).close()
    assert path.with_name(f"{path.name}.damaged").read_bytes() == content
    assert counts(folder) == before | {"conn": before["conn"] - truncated.rows}
    assert [str(path) in message for message in messages] == [True, False]


def test_that_of_a_newer_version_is_left_alone(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / MANIFEST)) as base:
        base.execute("PRAGMA user_version = 99")
    files = sorted(path.name for path in folder.rglob("*"))
    with pytest.raises(ManifestError):
        Writer(folder, print)
    assert sorted(path.name for path in folder.rglob("*") if path.name != "writer.lock") == [
        name for name in files if name != "writer.lock"
    ]
