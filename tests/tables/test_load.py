"""Tables of a large log are built beside the store: equal to those built in it, complete or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensor.inventory.store.database import FILE, NEW, connect
from sensor.inventory.store.replacing import replace
from sensor.inventory.store.schema import KEPT
from sensor.inventory.store.schema_mutes import MADE_FROM_MUTES
from sensor.inventory.store.schema_parties import MADE_FROM_LOG
from sensor.inventory.store.store import Store
from sensor.tables import batches as batching
from sensor.tables import load as loading
from sensor.tables.build import catch_up, rebuild
from sensor.tables.load import load
from tests.perf.made_records import write_log
from tests.tables.stored import held

LOG = "events.jsonl"
OLD = "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (1, 'anna', 'k', 'name', ?, '', 'said')"
LOADER = """
import sys
from pathlib import Path
from sensor.tables import batches, load
from sensor.tables.build import rebuild
batches.LINES = 50
batches.processors = lambda: 1
apply = load.Applier.apply
def reported(self, batch):
    apply(self, batch)
    print(batch.records, flush=True)
load.Applier.apply = reported
rebuild(Path(sys.argv[1]), Path(sys.argv[1]) / "events.jsonl")
"""
# Replaces the process that reads the log, and writes a part of its output.
READER = """#!{python}
import io
import sys
from pathlib import Path
from sensor.tables import batches
batches.LINES = 500
out = io.BytesIO()
batches.write_batches(Path(sys.argv[-1]), out)
written = out.getvalue()
sys.stdout.buffer.write(written[:{end}])
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / LOG
    write_log(path, 3_200)
    return path


@pytest.fixture(scope="module")
def within(log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables of this log, built in batches within the store."""
    folder = folder_of(log, tmp_path_factory.mktemp("within"))
    with pytest.MonkeyPatch.context() as patch:
        assert in_place(folder, patch) == 3_200
    return held(folder)


@pytest.fixture
def folder(log: Path, tmp_path: Path) -> Path:
    return folder_of(log, tmp_path)


def folder_of(log: Path, folder: Path) -> Path:
    """A log that is large enough, and notes on its alerts."""
    shutil.copy2(log, folder / LOG)
    (folder / "events.notes.jsonl").write_text(
        '{"ts":"2026-11-24T09:00:00Z","alert":"alert-0000000000007","action":"close","by":"bert"}\n', encoding="utf-8"
    )
    assert (folder / LOG).stat().st_size > loading.LARGE
    return folder


def in_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rebuilt in batches within the store."""
    monkeypatch.setattr(loading, "LARGE", 1 << 40)
    return rebuild(folder, folder / LOG).records


def test_both_ways_give_equal_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows and indexes are the same, built beside the store or batch by batch within it."""
    assert catch_up(folder, folder / LOG).records == 3_200
    beside = held(folder)
    with closing(connect(folder / FILE)) as base:
        layout = base.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        spans = base.execute("SELECT * FROM alert_spans ORDER BY block").fetchall()
        assert base.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert beside["alerts"][6][11] == "closed"
    assert in_place(folder, monkeypatch) == 3_200
    assert held(folder) == beside
    with closing(connect(folder / FILE)) as base:
        assert base.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == layout
        assert base.execute("SELECT * FROM alert_spans ORDER BY block").fetchall() == spans


@pytest.mark.parametrize("end", ["0", "4000", "len(written) // 2", "-8", "None"])
def test_reader_that_ends_early_loses_nothing(
    folder: Path, within: dict[str, Any], end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading process ends before its first batch, within one, before the end mark, or not at all."""
    program = folder / "reader"
    program.write_text(READER.format(python=sys.executable, end=end), encoding="utf-8")
    program.chmod(0o700)
    monkeypatch.setattr(batching.sys, "executable", str(program))
    assert rebuild(folder, folder / LOG).records == 3_200
    assert held(folder) == within


def test_one_processor_needs_no_other_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read in the same process, also if no other one can be started."""
    monkeypatch.setattr(batching.sys, "executable", str(folder / "nothing"))
    assert rebuild(folder, folder / LOG).records == 3_200
    beside = held(folder)
    monkeypatch.setattr(batching, "processors", lambda: 1)
    monkeypatch.setattr(batching.subprocess, "Popen", None)
    assert rebuild(folder, folder / LOG).records == 3_200
    assert held(folder) == beside


def test_store_keeps_what_no_log_gives(folder: Path) -> None:
    """Operator changes, their numbers and the mode of the file are kept; each table is either kept or rebuilt."""
    store = Store(folder)
    store.base.execute(OLD, ("Lobby",))
    store.base.execute(OLD, ("gone",))
    store.base.execute("DELETE FROM words WHERE number = 2")
    (folder / FILE).chmod(0o600)
    store.close()
    assert rebuild(folder, folder / LOG).records == 3_200
    with closing(connect(folder / FILE)) as base:
        assert [tuple(row) for row in base.execute("SELECT number, value FROM words")] == [(1, "Lobby")]
        assert base.execute(OLD, ("Hall",)).lastrowid == 3
        found = {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    texts = {name for name in found if name.startswith(("alert_text", "device_text"))}
    assert found - texts - {"sqlite_sequence"} == {*KEPT, *MADE_FROM_LOG, *MADE_FROM_MUTES}
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert not (folder / NEW).exists()


def test_killed_amid_it_leaves_the_store_as_it_was(folder: Path) -> None:
    """After kill -9 during a rebuild the former tables are intact; the next rebuild removes the leftovers."""
    rebuild(folder, folder / LOG)
    before = held(folder)
    with subprocess.Popen([sys.executable, "-c", LOADER, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(20):
            assert process.stdout.readline() == "50\n"
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()
    assert (folder / NEW).exists()
    assert held(folder) == before
    assert catch_up(folder, folder / LOG).records == 0
    assert rebuild(folder, folder / LOG).records == 3_200
    assert held(folder) == before
    assert not (folder / NEW).exists()


def test_store_that_another_process_has_open_is_filled_in_place(folder: Path) -> None:
    """An open console keeps its connection, and reads the new rows."""
    catch_up(folder, folder / LOG)
    with closing(connect(folder / FILE, readonly=True)) as console:
        assert console.execute("SELECT count(*) FROM alerts").fetchone()[0] == 3_200
        store = Store(folder)
        assert load(store, folder / LOG) == 0
        store.close()
        assert rebuild(folder, folder / LOG).records == 3_200
        assert console.execute("SELECT count(*) FROM alerts").fetchone()[0] == 3_200


def test_change_that_comes_too_late_is_refused(folder: Path) -> None:
    """A writer that opened the store before it was replaced gets an error, and no change is lost."""
    catch_up(folder, folder / LOG)
    store = Store(folder)
    (folder / NEW).write_bytes(b"")
    with closing(sqlite3.connect(folder / NEW)) as new:
        new.executescript("\n".join(loading.MIGRATIONS) + f"PRAGMA user_version = {loading.VERSION}")
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as base:
        assert replace(store, folder / NEW)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            base.execute(OLD, ("lost",))
    store.close()
