"""Where a live sensor writes its event log."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from sensor.cli import run
from sensor.cli.main import main
from sensor.datasets.card import Card, write_card
from sensor.datasets.live import live_log
from tests.datasets._folders import write_inventory, write_log


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The default state folder."""
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "usual"))
    return tmp_path / "usual"


def test_beside_the_inventory(usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``run --state DIR`` and ``replay --state DIR`` write the same file; --events selects another one."""
    ready = mock.Mock()
    monkeypatch.setattr(run, "_Ready", ready)
    monkeypatch.setattr(run, "_source", lambda *_: 3)
    folder = tmp_path / "state"
    for options in ((), ("--state", str(folder)), ("--state", str(folder), "--events", str(tmp_path / "own"))):
        assert main(["run", "-i", "lo", *options]) == 3
    opened = [call.args[3] for call in ready.call_args_list]
    assert opened == [usual / "events.jsonl", folder / "events.jsonl", tmp_path / "own"]


def test_the_log_of_an_earlier_version_is_continued(usual: Path, tmp_path: Path) -> None:
    """It is in the default folder: by the dataset description, or if only the other folder has an inventory."""
    former, folder = write_log(usual / "events.jsonl"), tmp_path / "state"
    assert live_log(folder) == folder / "events.jsonl"
    write_inventory(folder)
    assert [live_log(folder), live_log(folder, moved=False)] == [former, folder / "events.jsonl"]
    write_card(folder, Card(log=str(former)))
    assert live_log(folder, moved=False) == former
    assert live_log(folder) == former
    write_card(folder, Card())
    assert live_log(folder) == folder / "events.jsonl"


def test_the_log_of_another_sensor_is_not(usual: Path, tmp_path: Path) -> None:
    """The default folder has its own inventory, or the other folder its own log."""
    write_log(usual / "events.jsonl")
    write_inventory(usual)
    write_inventory(tmp_path / "second")
    assert live_log(tmp_path / "second") == tmp_path / "second" / "events.jsonl"
    own = write_log(tmp_path / "third" / "events.jsonl")
    write_card(own.parent, Card(log=str(usual / "events.jsonl")))
    assert live_log(own.parent) == own
