"""The checks of permissions, the clock and the disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sensor.doctor import machine, machine_checks
from sensor.doctor.machine import Clock, Folder
from tests.golden import Golden

MIB = 1 << 20


def disk(**more: object) -> Folder:
    """A disk with free space."""
    return Folder(
        **(
            {
                "path": "/var/lib/sensor",
                "there": "/var/lib/sensor",
                "free": 10_000 * MIB,
                "needed": 4096 * MIB,
                "sync_s": 0.004,
            }
            | more
        )
    )


def test_a_machine_that_is_well() -> None:
    """Each check is ok."""
    assert {check(disk()).level for check in machine_checks.FOLDER} == {"ok"}
    assert machine_checks.permission(allowed=True).level == "ok"
    assert machine_checks.clock(Clock(True, 0.003)).level == "ok"


def test_no_permission(golden: Golden) -> None:
    """The error shows how to grant the permission, as `sensor run` does."""
    found = machine_checks.permission(allowed=False)
    assert found.level == "error"
    golden(found.found)
    assert "setcap cap_net_raw+ep" in found.advice


def test_a_clock_that_is_not_synchronised() -> None:
    """A warning; no finding where the system does not report it."""
    assert machine_checks.clock(Clock(False, 16.0)).advice.startswith("timedatectl set-ntp true")
    assert machine_checks.clock(Clock()) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="adjtimex is Linux's")
def test_the_clock_of_this_machine() -> None:
    """The kernel reports whether the clock is synchronized; in some containers this is not permitted, and unknown."""
    found = machine.clock()
    assert 0 <= found.error_s < 3600
    assert found.synchronised in (True, False) or found == machine.Clock()


@pytest.mark.parametrize(
    ("more", "level"),
    [
        ({"free": 10 * MIB}, "error"),
        ({"free": 1000 * MIB}, "warning"),
        ({"inodes": 0.97}, "warning"),
    ],
)
def test_a_disk_without_room(golden: Golden, more: dict[str, object], level: str) -> None:
    """An error if not one segment of the log fits, else a warning."""
    found = machine_checks.space(disk(**more))
    assert found.level == level
    golden(found.found)


def test_a_disk_that_is_slow() -> None:
    """A slow disk is a warning, since events wait for it."""
    assert machine_checks.disk_speed(disk(sync_s=0.9)).level == "warning"


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    """A file is written there and removed; a missing folder is not created."""
    found = machine.folder(tmp_path, 7)
    assert (found.problem, found.needed, found.there) == ("", 7, str(tmp_path))
    assert found.free > 0
    assert 0 < found.sync_s < 60
    later = machine.folder(tmp_path / "a" / "b")
    assert (later.there, later.problem) == (str(tmp_path), "")
    assert str(tmp_path) in machine_checks.writable(later).found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in its place or missing permission is one error, without a finding on free space."""
    (tmp_path / "file").write_text("")
    places = [tmp_path / "file" / "state", *([Path("/proc/sensor")] if sys.platform.startswith("linux") else [])]
    for place in places:
        found = machine.folder(place)
        assert found.problem
        assert machine_checks.writable(found).level == "error"
        assert (machine_checks.space(found), machine_checks.disk_speed(found)) == (None, None)
