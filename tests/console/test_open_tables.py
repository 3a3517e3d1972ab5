"""Tables that stay open between requests show every later change, and those of a removed store are closed."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path

import pytest

from sensor.console.open_tables import OpenTables
from sensor.console.readiness import Readiness
from sensor.console.sources import StateFolder
from sensor.datasets.dataset import dataset_in
from sensor.inventory.store.database import FILE, connect
from sensor.tables import ready
from sensor.tables.mute_rows import FILE_NAME
from sensor.tables.notes import Note, append_notes
from sensor.views.alerts import alerts
from sensor.views.dataset import Data
from sensor.views.mutes import fault_of_mutes

LOG = "events.jsonl"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose tables were compared with their log."""
    found: list[Path] = []

    def made_ready(folder: Path, log: Path) -> ready.Ready:
        found.append(folder)
        return ready.make_ready(folder, log)

    monkeypatch.setattr("sensor.console.readiness.make_ready", made_ready)
    return found


def states(data: Data) -> dict[str, int]:
    return alerts(data).facets["state"]


def test_the_next_request_uses_the_same_connection_and_sees_later_changes(own: Path) -> None:
    tables = OpenTables()
    with tables.opened(own) as first:
        before = first.base.execute("SELECT count(*) FROM devices").fetchone()[0]
    with contextlib.closing(connect(own / FILE)) as writer:
        writer.execute("DELETE FROM devices WHERE id = (SELECT min(id) FROM devices)")
    with tables.opened(own) as second:
        assert second is first
        assert second.base.execute("SELECT count(*) FROM devices").fetchone()[0] == before - 1


def test_two_requests_at_once_have_their_own_connections(own: Path) -> None:
    tables = OpenTables()
    with tables.opened(own) as one, tables.opened(own) as other:
        assert one is not other


def test_a_replaced_store_is_opened_again(own: Path) -> None:
    """A rebuild moves a new file into place: the old one is not read any more."""
    tables = OpenTables()
    with tables.opened(own) as first:
        pass
    shutil.copy(own / FILE, own / "new.db")
    (own / "new.db").replace(own / FILE)
    with tables.opened(own) as second:
        assert second is not first


def test_a_removed_store_is_not_kept_open(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(own, other)
    tables = OpenTables()
    with tables.opened(other) as removed:
        pass
    shutil.rmtree(other)
    with tables.opened(own):
        pass
    with pytest.raises(Exception, match="closed"):
        removed.base.execute("SELECT 1")


def test_a_request_that_fails_leaves_no_connection(own: Path) -> None:
    tables = OpenTables()
    with pytest.raises(LookupError), tables.opened(own) as first:
        raise LookupError
    with tables.opened(own) as second:
        assert second is not first


def test_unchanged_files_are_compared_once(own: Path, compared: list[Path]) -> None:
    """The first comparison may write the tables, so that a second one follows; then none."""
    readiness, dataset = Readiness(), dataset_in(own)
    for _ in range(5):
        assert readiness.of(dataset).usable
    assert len(compared) <= 2


@pytest.mark.parametrize("usable", [False, True])
def test_tables_that_could_not_be_updated_are_tried_again(
    own: Path, monkeypatch: pytest.MonkeyPatch, usable: bool
) -> None:
    """No file changes: the disk was full, or another process held the store and was then killed."""
    readiness, dataset = Readiness(), dataset_in(own)
    readiness.of(dataset)
    failed = ready.Ready(usable=usable)
    with monkeypatch.context() as now:
        now.setattr("sensor.console.readiness.make_ready", lambda *_: failed)
        os.utime(dataset.log)
        assert readiness.of(dataset) == failed
    assert readiness.of(dataset).current


def test_few_folders_are_remembered(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensor.console.readiness.MOST", 2)
    readiness = Readiness()
    for name in ("a", "b", "c"):
        shutil.copytree(own, tmp_path / name)
        readiness.of(dataset_in(tmp_path / name))
    assert len(readiness._folders) == 2


def test_a_long_rebuild_of_one_dataset_does_not_stop_the_others(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of one dataset are being built when a page of another one is requested."""
    other = tmp_path / "other"
    shutil.copytree(own, other)
    begun, released = threading.Event(), threading.Event()

    def made_ready(folder: Path, log: Path) -> ready.Ready:
        if folder == own:
            begun.set()
            assert released.wait(60)
        return ready.make_ready(folder, log)

    monkeypatch.setattr("sensor.console.readiness.make_ready", made_ready)
    readiness = Readiness()
    building = threading.Thread(target=readiness.of, args=(dataset_in(own),))
    building.start()
    assert begun.wait(60)
    try:
        assert readiness.of(dataset_in(other)).usable
    finally:
        released.set()
        building.join(60)
    assert readiness.of(dataset_in(own)).usable


def test_a_note_is_shown_by_the_next_request(own: Path, compared: list[Path]) -> None:
    """Another process, such as the command, closes an alert."""
    sources = StateFolder(own)
    with sources.opened(sources.dataset()) as opened:
        row = alerts(opened.data).rows[0]
        closed = states(opened.data).get("closed", 0)
    count = len(compared)
    append_notes(
        dataset_in(own).log.with_suffix(".notes.jsonl"),
        [Note("2026-11-24T10:00:00Z", row.id, "close", "anna", "benign")],
    )
    with sources.opened(sources.dataset()) as opened:
        assert len(compared) > count
        assert states(opened.data)["closed"] == closed + (row.state != "closed")


def test_a_changed_file_of_mutes_is_noticed(own: Path) -> None:
    """Without a path from the engine, it is the one beside the store."""
    with contextlib.closing(connect(own / FILE)) as base:
        base.execute("DELETE FROM meta WHERE name = ?", (FILE_NAME,))
    sources = StateFolder(own)
    with sources.opened(sources.dataset()) as opened:
        assert fault_of_mutes(opened.data) == ""
    (own / "mutes.yaml").write_text("mutes: 7\n")
    with sources.opened(sources.dataset()) as opened:
        assert "mutes.yaml" in fault_of_mutes(opened.data)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_access_is_opened_for_each_request(own: Path) -> None:
    """SQLite may read a snapshot there, which does not show later changes."""
    own.chmod(0o500)
    tables = OpenTables()
    try:
        with tables.opened(own) as first:
            pass
        with tables.opened(own) as second:
            assert second is not first
    finally:
        own.chmod(0o700)
