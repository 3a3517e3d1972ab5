"""Permissions of datasets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor.datasets.choose import choose
from sensor.datasets.dataset import Dataset
from sensor.datasets.private import make_folder, private
from tests.datasets._folders import write_log


def modes(*paths: Path) -> list[int]:
    return [path.stat().st_mode & 0o777 for path in paths]


def test_a_new_folder(tmp_path: Path) -> None:
    """Only the owner can read it, its new parent folders and its files; the umask is restored afterwards."""
    before = os.umask(0o022)
    try:
        with private(tmp_path / "a" / "b"):
            (tmp_path / "a" / "b" / "file").touch()
        (tmp_path / "other").touch()
    finally:
        os.umask(before)
    assert modes(tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "file", tmp_path / "other") == [
        0o700,
        0o700,
        0o600,
        0o644,
    ]


@pytest.mark.parametrize(("folder", "mode"), [(0o700, 0o600), (0o755, 0o600), (0o750, 0o640)])
def test_an_inventory_of_an_earlier_version(tmp_path: Path, folder: int, mode: int) -> None:
    """It is closed to others; the group keeps the access of the folder, as in the folder of the service."""
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
    """The target of the link is not changed."""
    (tmp_path / "theirs").touch()
    (tmp_path / "theirs").chmod(0o644)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "inventory.db").symlink_to(tmp_path / "theirs")
    with private(tmp_path / "state"):
        pass
    assert modes(tmp_path / "theirs") == [0o644]


@pytest.mark.parametrize(("state", "mode"), [(0o700, 0o700), (0o750, 0o750), (0o755, 0o700)])
def test_datasets_are_open_to_what_the_state_is(tmp_path: Path, state: int, mode: int) -> None:
    """A replay in the folder of the service is readable for its group; one in a public folder is private."""
    tmp_path.chmod(state)
    folder = tmp_path / "datasets" / "office"
    with private(tmp_path):
        make_folder(folder, tmp_path)
    assert modes(folder.parent, folder) == [mode, mode]
    with pytest.raises(FileExistsError):
        make_folder(folder, tmp_path)


def test_who_may_read_no_replay_reads_the_live_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without other data the error is about permission, not about missing data."""

    def refused(state: Path) -> list[Dataset]:
        raise PermissionError(13, "Permission denied", str(state / "datasets"))

    monkeypatch.setattr("sensor.datasets.choose.replays_in", refused)
    with pytest.raises(PermissionError):
        choose(tmp_path)
    write_log(tmp_path / "events.jsonl")
    assert choose(tmp_path).name == "live"
