"""The time range of an inventory without an event log: read once, and again after each change of the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sensor.datasets import peek
from sensor.datasets.peek import times_of
from tests.perf.made_devices import fill

LATER = "UPDATE devices SET body = json_set(body, '$.last_seen', '2030-01-01T00:00:00.000000Z') WHERE rowid = 1"


def test_times_follow_the_file(tmp_path: Path) -> None:
    """The write-ahead log counts too: the file itself is unchanged until a checkpoint."""
    path = tmp_path / "inventory.db"
    assert times_of(path) == ("", "")
    fill(tmp_path, 3)
    first, last = times_of(path)
    assert "" < first < last
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute(LATER)
        assert times_of(path) == (first, "2030-01-01T00:00:00.000000Z")
    assert times_of(path) == (first, "2030-01-01T00:00:00.000000Z")


def test_a_failed_read_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is busy once has its times at the next read, although it did not change."""
    fill(tmp_path, 3)
    with monkeypatch.context() as busy:
        busy.setattr(peek, "look_into", _busy)
        assert times_of(tmp_path / "inventory.db") == ("", "")
    assert all(times_of(tmp_path / "inventory.db"))


def _busy(_: Path) -> sqlite3.Connection:
    raise sqlite3.OperationalError("database is locked")
