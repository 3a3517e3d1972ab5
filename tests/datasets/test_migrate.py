"""State folders of earlier versions: a replay beside the data of the live sensor."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from sensor.datasets.begin import begin_live, set_aside
from sensor.datasets.card import REPLAY, read_card
from sensor.datasets.choose import choose, datasets_in
from sensor.datasets.migrate import BACKUP, migrate
from tests.datasets._folders import write_inventory, write_log


def test_a_replay_beside_a_live_sensor(tmp_path: Path) -> None:
    """The replay becomes a dataset with its notes and muted alerts; a backup is kept; the live data is not moved."""
    live = write_log(tmp_path / "events.jsonl", alerts=0)
    write_inventory(tmp_path)
    text = write_log(tmp_path / "replay.jsonl", alerts=3).read_bytes()
    for name in ("replay.muted.jsonl", "replay.notes.jsonl"):
        (tmp_path / name).write_text(f"{name}\n")
    kept = live.read_bytes()
    assert "'replay'" in migrate(tmp_path)
    found = choose(tmp_path, "replay")
    assert (found.kind, found.log.read_bytes(), found.span.last[:16]) == ("replay", text, "2026-11-24T08:20")
    assert (found.folder / "events.notes.jsonl").read_text() == "replay.notes.jsonl\n"
    assert (found.folder / "events.muted.jsonl").read_text() == "replay.muted.jsonl\n"
    assert (tmp_path / BACKUP / "replay.jsonl").read_bytes() == text
    assert live.read_bytes() == kept
    assert [one.name for one in datasets_in(tmp_path)] == ["live", "replay"]
    assert migrate(tmp_path) == ""


def test_a_replay_that_has_the_folder_to_itself(tmp_path: Path) -> None:
    """`sensor replay --state` of the state folder: inventory and log stay together, and are one dataset."""
    write_inventory(tmp_path)
    write_log(tmp_path / "replay.jsonl", alerts=7)
    assert migrate(tmp_path)
    (found,) = datasets_in(tmp_path)
    assert (found.name, found.kind, found.has_log, found.inventory) == (
        "replay",
        "replay",
        True,
        tmp_path / "inventory.db",
    )


def test_a_sensor_that_came_to_nothing_hides_no_replay(tmp_path: Path) -> None:
    """The replay is read, not the empty inventory and log."""
    write_inventory(tmp_path, devices=0)
    (tmp_path / "events.segments").mkdir()
    write_log(tmp_path / "replay.jsonl")
    migrate(tmp_path)
    assert choose(tmp_path).name == "replay"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_we_may_not_write(tmp_path: Path) -> None:
    """Without write permission nothing is moved, and the files are read in place."""
    write_log(tmp_path / "replay.jsonl")
    tmp_path.chmod(0o500)
    assert migrate(tmp_path) == ""
    tmp_path.chmod(0o700)
    assert choose(tmp_path).log == tmp_path / "replay.jsonl"


def test_without_a_backup_nothing_is_moved(tmp_path: Path) -> None:
    """A warning is given, and the files are read in place."""
    log = write_log(tmp_path / "replay.jsonl")
    (tmp_path / BACKUP).write_text("in the way")
    assert str(log) in migrate(tmp_path)
    assert choose(tmp_path).log == log


def test_a_replay_that_is_still_at_work(tmp_path: Path) -> None:
    """A replay of an earlier version that still runs keeps its log."""
    log = write_log(tmp_path / "replay.jsonl")
    with log.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert migrate(tmp_path) == ""
    assert migrate(tmp_path)


def test_a_live_sensor_begins_where_a_replay_was(tmp_path: Path) -> None:
    """The inventory is used and the log is not: findings of a replay must not be delivered as current ones."""
    write_inventory(tmp_path)
    write_log(tmp_path / "replay.jsonl", alerts=7)
    migrate(tmp_path)
    assert "'replay'" in set_aside(tmp_path)
    begin_live(tmp_path, tmp_path / "events.jsonl", None)
    card = read_card(tmp_path)
    assert card is not None
    assert (card.kind, (tmp_path / "events.jsonl").exists(), (tmp_path / "inventory.db").exists()) == (
        "live",
        False,
        True,
    )
    assert choose(tmp_path, "replay").kind == REPLAY
    assert set_aside(tmp_path) == ""
