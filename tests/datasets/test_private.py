"""Who may read a dataset."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor.datasets.private import private


def modes(*paths: Path) -> list[int]:
    return [path.stat().st_mode & 0o777 for path in paths]


def test_a_new_folder(tmp_path: Path) -> None:
    """Its owner alone, with the folders around it and the files in it; afterwards files are made as before."""
    before = os.umask(0o022)
    try:
        with private(tmp_path / "a" / "b"):
            (tmp_path / "a" / "b" / "file").touch()
        (tmp_path / "other").touch()
    finally:
        os.umask(before)
    assert modes(tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "file", tmp_path / "other") == [0o700, 0o700, 0o600, 0o644]


@pytest.mark.parametrize(("folder", "mode"), [(0o700, 0o600), (0o755, 0o640), (0o750, 0o640)])
def test_an_inventory_of_an_earlier_version(tmp_path: Path, folder: int, mode: int) -> None:
    """It is closed to others; the group keeps what the folder gives it, as that of the service does."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(folder)
    for name in ("inventory.db", "inventory.db-wal"):
        (state / name).touch()
        (state / name).chmod(0o644)
    with private(state):
        (state / "new").touch()
    assert modes(state / "inventory.db", state / "inventory.db-wal", state / "new") == [mode] * 3


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    """What it leads to is not ours."""
    (tmp_path / "theirs").touch()
    (tmp_path / "theirs").chmod(0o644)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "inventory.db").symlink_to(tmp_path / "theirs")
    with private(tmp_path / "state"):
        pass
    assert modes(tmp_path / "theirs") == [0o644]
