"""Writing a document: it is whole, also if several processes write it at the same time."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from sensor.documents import write_whole

SIZE, TIMES = 200_000, 150


def written(path: Path, letter: bytes) -> None:
    for _ in range(TIMES):
        write_whole(path, letter * SIZE)


def test_two_processes_that_write_one_file(tmp_path: Path) -> None:
    """Neither fails, readers see the text of one of them, and nothing else is left."""
    path = tmp_path / "mutes.yaml"
    write_whole(path, b"a" * SIZE)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=written, args=(path, letter)) for letter in (b"a", b"b")]
    for one in writers:
        one.start()
    found = set()
    while any(one.is_alive() for one in writers):
        text = path.read_bytes()
        found.add((len(text), len(set(text))))
    for one in writers:
        one.join()
    assert [one.exitcode for one in writers] == [0, 0]
    assert found == {(SIZE, 1)}
    assert [one.name for one in tmp_path.iterdir()] == ["mutes.yaml"]


def test_what_a_killed_writer_left_is_no_part_of_the_next_text(tmp_path: Path) -> None:
    path = tmp_path / "mutes.yaml"
    (tmp_path / "mutes.yaml.new").write_bytes(b"x" * SIZE)
    write_whole(path, b"mutes: []\n")
    assert path.read_bytes() == b"mutes: []\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "mutes.yaml").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "mutes.yaml", b"")
    assert [one.name for one in tmp_path.iterdir()] == ["mutes.yaml"]
