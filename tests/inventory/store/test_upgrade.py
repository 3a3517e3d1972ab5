"""The store is upgraded from every earlier version, with a backup copy, completely or not at all."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.inventory.store import schema, upgrade
from sensor.inventory.store.database import FILE, UNFINISHED, UnusableStore, connect
from sensor.inventory.store.reader import Reader
from sensor.inventory.store.store import Store
from tests.golden import Golden
from tests.runtime.test_keeper import Run

KEY = "mac:00:17:c8:1a:2b:3c"
BODY = '{"id":"dev-aaaaaa","type":"printer"}'
STATE = f'{{"id":"dev-aaaaaa","key":"{KEY}","first":1,"last":2,"since":1,"macs":[101921110844],"told":[[["printer",0.9]],true,[]]}}'
OLD = range(1, schema.VERSION)
HABITS = '{"kind":"printer","segment":"10.0.0.0/24","first":1,"last":2,"hours":1}'
BROKEN = "CREATE TABLE new_one (a TEXT); CREATE TABLE devices (again TEXT);"


def old_store(folder: Path, version: int) -> Path:
    """A store of an earlier version, created by its own schema steps, with a device, its history and an operator
    change.
    """
    path = folder / FILE
    base = connect(path)
    base.execute("PRAGMA journal_mode = WAL")
    base.executescript("\n".join(schema.MIGRATIONS[:version]) + f"PRAGMA user_version = {version}")
    base.execute(
        "INSERT INTO devices VALUES ('dev-aaaaaa', ?, 'printer', '', '', '', 0, 1, 2, 0, ?, ?)", (KEY, BODY, STATE)
    )
    base.execute("INSERT INTO history (ts, device, action, changes, reason) VALUES (1, 'dev-aaaaaa', 'new', '[]', '')")
    base.execute(
        (
            "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (2000000, 'anna', ?, "
            "'name', 'Lobby', '', 'said')"
        ),
        (KEY,),
    )
    if version >= 2:
        base.execute("INSERT INTO services VALUES ('dev-aaaaaa', 393847, 1, 'ipp/631')")
    if version >= 3:
        base.execute("INSERT INTO baseline VALUES ('dev-aaaaaa', ?)", (HABITS,))
    base.close()
    return path


def dump(path: Path) -> list[str]:
    """The content of a store, as SQL."""
    base = sqlite3.connect(path)
    try:
        return [f"version {base.execute('PRAGMA user_version').fetchone()[0]}", *base.iterdump()]
    finally:
        base.close()


def layout(path: Path) -> list[tuple[str, ...]]:
    """Tables and indexes as SQL."""
    with contextlib.closing(connect(path)) as base:
        return [tuple(row) for row in base.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")]


@pytest.mark.parametrize("version", OLD)
def test_from_each_version(tmp_path: Path, version: int) -> None:
    """Devices, history and changes are kept, tables equal those of a new store, and the copy equals the old one;
    reported once.
    """
    before = dump(old_store(tmp_path, version))
    with Run(tmp_path) as run:
        assert run.restored == 1
        (reported,) = run.reported
        assert reported.startswith(f"{tmp_path / FILE}: ")
        assert all(one in reported for one in (f"version {schema.VERSION};", f" {FILE}.version-{version} "))
    reader = Reader(tmp_path)
    (record,) = reader.records()
    details = reader.details("dev-aaaaaa")
    reader.close()
    assert (record["key"], record["device"]["hostname"]) == (KEY, "Lobby")
    assert [one["what"] for one in details["history"]] == ["new", "name=Lobby"]
    assert dump(tmp_path / f"{FILE}.version-{version}") == before
    (tmp_path / "new").mkdir()
    Store(tmp_path / "new").close()
    assert layout(tmp_path / FILE) == layout(tmp_path / "new" / FILE)
    with Run(tmp_path) as run:
        assert run.reported == []


def test_alerts_have_the_severity_of_their_groups(tmp_path: Path) -> None:
    """Version 9: the column for lists by severity is filled from the data of version 8."""
    path = old_store(tmp_path, 8)
    with contextlib.closing(connect(path)) as base:
        base.execute(
            "INSERT INTO alert_groups VALUES (1, 'open', 4, 'd', '', '', 's', 2), (2, 'open', 1, 'd', '', '', 's', 1)"
        )
        base.executemany(
            "INSERT INTO alerts VALUES (?1, 'alert-' || ?1, 'k', ?2, 't', 1, 1, 1, 1, 0, ?1, '', '')",
            [(1, 1), (2, 2), (3, 1)],
        )
    Store(tmp_path).close()
    with contextlib.closing(connect(path)) as base:
        assert [row[0] for row in base.execute("SELECT severity FROM alerts ORDER BY number")] == [4, 1, 4]


def test_a_new_store_and_one_of_today_need_no_copy(tmp_path: Path) -> None:
    """No copy is made where nothing changes."""
    for _ in range(2):
        Store(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "inventory.lock"]


@pytest.mark.parametrize("version", OLD)
def test_one_that_fails_changes_nothing(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed step rolls back the steps before it; the error names both versions and the cause."""
    before = dump(old_store(tmp_path, version))
    monkeypatch.setattr(upgrade, "MIGRATIONS", (*schema.MIGRATIONS, BROKEN))
    monkeypatch.setattr(upgrade, "VERSION", schema.VERSION + 1)
    with pytest.raises(
        UnusableStore,
        match=rf"\b{version} to {schema.VERSION + 1}\b.*\bdevices\b",
    ):
        Store(tmp_path)
    assert dump(tmp_path / FILE) == before
    monkeypatch.undo()
    Store(tmp_path).close()


def test_no_room_for_a_copy(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a copy the store is not upgraded, since there would be no way back."""
    before = dump(old_store(tmp_path, 1))
    (tmp_path / f"{FILE}.version-1").mkdir()
    with pytest.raises(UnusableStore) as raised:
        Store(tmp_path)
    golden(str(raised.value))
    assert dump(tmp_path / FILE) == before
    assert not (tmp_path / f"{FILE}.version-1.new").exists()


def test_the_last_two_copies_stay(tmp_path: Path) -> None:
    """Copies are ordered by number, not by name."""
    old_store(tmp_path, 2)
    for name in ("1", "10", "9", "old"):
        (tmp_path / f"{FILE}.version-{name}").write_text(name)
    base, path = connect(tmp_path / FILE), tmp_path / FILE
    upgrade._keep(base, path, 11)
    base.close()
    assert sorted(one.name for one in tmp_path.glob("*.version-*")) == [
        f"{FILE}.version-10",
        f"{FILE}.version-11",
        f"{FILE}.version-old",
    ]


def test_the_command_ends_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command exits with 3 for a store of a newer version or a partial restore, instead of using an empty
    inventory.
    """
    base = connect(tmp_path / FILE)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--state", str(tmp_path), "--events", str(tmp_path / "log.jsonl"), "pcaps/office.pcapng"])
    assert ended.value.code == 3
    reported = capsys.readouterr()
    assert reported.err.startswith(f"sensor: {tmp_path / FILE}: ")
    assert all(one in reported.err for one in ("version 99", f" {schema.VERSION}: "))
    assert reported.err.endswith(" [inventory.not-read]\n")
    assert reported.out == ""
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / UNFINISHED).write_text("[]")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "replay",
                "--state",
                str(tmp_path / "half"),
                "--events",
                str(tmp_path / "other.jsonl"),
                "pcaps/office.pcapng",
            ]
        )
    assert ended.value.code == 3
    reported = capsys.readouterr()
    assert reported.err.startswith(f"sensor: {tmp_path / 'half'}: ")
    assert "`sensor restore`" in reported.err
    assert reported.err.endswith(" [inventory.not-read]\n")
