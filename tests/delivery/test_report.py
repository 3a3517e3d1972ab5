"""The status of outputs for a user without permission: counts are unknown, not zero."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.delivery.position import Position, save_position
from sensor.delivery.report import gone_back, reported
from sensor.delivery.status import Status, load_status, save_status, status_path
from sensor.eventlog.segments import cursors_of
from sensor.outputs.file import Options
from tests.eventlog.segmented import line

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def log() -> Iterator[Path]:
    """A log that any user may read; of its 100 records, 90 were delivered. The position is private."""
    folder = Path(tempfile.mkdtemp(prefix="outputs-", dir="/tmp"))
    folder.chmod(0o755)
    found = folder / "events.jsonl"
    found.write_bytes(b"".join(line(number) for number in range(1, 101)))
    save_position(cursors_of(found) / "archive.json", Position(90, 90, delivered=90), durable=False)
    save_status(found, Status("archive", "file", "idle", delivered=90))
    for path in cursors_of(found).iterdir():
        path.chmod(0o600)
    yield found
    shutil.rmtree(folder)


@contextlib.contextmanager
def another_user() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


OPTIONS = {"archive": Options(path=Path("out.jsonl"))}


def test_a_position_that_cannot_be_read_is_unknown(log: Path) -> None:
    """Neither all is pending, nor may a replay begin from there; with permission, the counts are known."""
    path = cursors_of(log) / "archive.json"
    with another_user():
        with pytest.raises(PermissionError) as raised:
            reported(log, OPTIONS)
        assert raised.value.filename == str(path)
        with pytest.raises(PermissionError):
            gone_back(log, "archive", 10)
    path.chmod(0o644)
    status_path(log, "archive").chmod(0o644)
    with another_user():
        (status,) = reported(log, OPTIONS)
    assert (status.delivered, status.pending) == (90, 10)


def test_a_log_that_cannot_be_read_has_an_unknown_end(log: Path) -> None:
    (cursors_of(log) / "archive.json").chmod(0o644)
    log.chmod(0o600)
    with another_user(), pytest.raises(PermissionError):
        reported(log, OPTIONS)


def test_a_status_that_cannot_be_read_is_unknown(log: Path) -> None:
    """An absent one belongs to an output that never ran."""
    with another_user():
        status = load_status(log, "archive")
    assert status is not None
    assert (status.state, status.delivered) == ("unknown", 0)
    assert load_status(log, "spare") is None
