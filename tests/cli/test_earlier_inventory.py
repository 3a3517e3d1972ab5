"""Commands read the inventory of a sensor of an earlier version before the new one was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.inventory.store import schema
from sensor.inventory.store.database import Lock
from tests.inventory.store.test_upgrade import dump, old_store

READERS = [["devices"], ["explain", "Lobby"], ["tickets"], ["baseline"], ["devices", "set", "Lobby", "owner=anna"]]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_the_first_command_upgrades_it(tmp_path: Path, run_cli, words: list[str]) -> None:
    """Whichever command is first: the inventory is upgraded, a copy is kept, and the values of operators are there."""
    path = old_store(tmp_path, 4)
    before = dump(path)
    result = run_cli(*words, "--state", str(tmp_path))
    assert (result.code, result.errors) == (0, ())
    assert dump(path)[0] == f"version {schema.VERSION}"
    assert dump(path.with_name(f"{path.name}.version-4")) == before
    assert "Lobby" in run_cli("devices", "--state", str(tmp_path)).out


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_not_while_its_sensor_runs(tmp_path: Path, run_cli, words: list[str]) -> None:
    """The running sensor of the earlier version would fail: nothing is changed, and the error names the remedy."""
    path = old_store(tmp_path, 4)
    before, running = dump(path), Lock(tmp_path)
    result = run_cli(*words, "--state", str(tmp_path))
    running.release()
    assert (result.code, result.errors) == (3, ("inventory.not-read",))
    assert str(path) in result.err
    assert dump(path) == before
