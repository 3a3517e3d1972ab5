"""Files that root leaves in the state folder of a sensor that runs as another user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor.cli._ownership import hand_over

ABSENT = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files of root's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state folder of a sensor that runs as an unprivileged user."""
    state = tmp_path / "state"
    (state / "intel").mkdir(parents=True)
    (state / "intel" / "ours.list").touch()
    (state / "mutes.yaml").touch()
    (state / "inventory.db").touch()
    os.chown(state, ABSENT, ABSENT)
    return state


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in folder.rglob("*")}


def test_becomes_the_sensors(folder: Path) -> None:
    """Folders and files of any depth get the owner of the state folder."""
    hand_over(folder)
    assert owners(folder) == {ABSENT}


def test_after_any_command(run_cli, folder: Path) -> None:
    """Commands that only read, or that fail, change the owner too."""
    assert run_cli("mute", "add", "--state", str(folder), "--detector", "nosuch", "--reason", "x").code != 0
    assert owners(folder) == {ABSENT}


def test_where_root_runs_the_sensor_nothing_is_changed(folder: Path) -> None:
    os.chown(folder, 0, 0)
    (folder / "mutes.yaml").touch()
    hand_over(folder)
    assert owners(folder) == {0}


def test_no_link_leads_outside(folder: Path, tmp_path: Path) -> None:
    """An intruder may plant links to files of root: those files stay root's."""
    secret, other = tmp_path / "secret", tmp_path / "other"
    secret.touch()
    other.mkdir()
    (other / "inside").touch()
    (folder / "soft").symlink_to(secret)
    (folder / "elsewhere").symlink_to(other)
    os.link(secret, folder / "hard")
    hand_over(folder)
    assert [path.stat().st_uid for path in (secret, other, other / "inside")] == [0, 0, 0]


def test_others_keep_what_is_theirs(folder: Path) -> None:
    """Files of other users keep their owner."""
    os.chown(folder / "mutes.yaml", 1, 1)
    hand_over(folder)
    assert (folder / "mutes.yaml").stat().st_uid == 1


def test_a_folder_that_is_no_state(folder: Path) -> None:
    """In a home folder that is named by mistake, files of root keep their owner."""
    (folder / "inventory.db").unlink()
    hand_over(folder)
    assert owners(folder) == {0}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    hand_over(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
