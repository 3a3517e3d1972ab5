"""Traffic records in backups and in exports of datasets: queries give the same answers after a restore, and damaged or
missing files are still named.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.lifecycle.archive import members
from sensor.records.copies import copying
from sensor.records.hunt_tests import write_rows
from sensor.records.manifest import File, Manifest, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.readable import Range, readable
from sensor.records.tail import FOLDER, SUFFIX
from sensor.records.upkeep import Upkeep
from sensor.records.writer import Writer
from tests.cli.conftest import Result
from tests.cli.faults import reports
from tests.lifecycle.household import archive, snapshot
from tests.records.kit_records import replayed, rows

pytestmark = pytest.mark.usefixtures("queries_within")

ROWS = 30


@pytest.fixture
def state(inventory: Path) -> Path:
    """A sensor whose records have two files."""
    for begin in (0, ROWS // 2):
        some = [{"ts": begin + row, "uid": begin + row, "src_ip": "10.0.0.5"} for row in range(ROWS // 2)]
        write_rows(inventory / "records", {"conn": some})
    return inventory


@pytest.fixture
def back_up(run_cli: Callable[..., Result], tmp_path: Path) -> Callable[..., Path]:
    def run(state: Path, *arguments: str) -> Path:
        file = tmp_path / "a.tar.zst"
        result = run_cli("backup", str(file), "--force", "--state", str(state), *arguments)
        assert result.code == 0, result.err
        return file

    return run


def listed(records: Path) -> list[File]:
    manifest = Manifest(records / MANIFEST)
    try:
        return manifest.files()
    finally:
        manifest.close()


def names(file: Path) -> list[str]:
    with file.open("rb") as data:
        return [member.name for member, _ in members(file, data)]


def uids(records: Path) -> list[int]:
    return [row["uid"] for row in rows(records, "conn")]


def test_records_come_back(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path, tmp_path: Path
) -> None:
    """On another host queries give the same answers, without reading whole files to verify them."""
    file, there = back_up(state, "--with-records"), tmp_path / "new"
    own = [name for name in names(file) if name.startswith("records/")]
    assert own == [f"records/{name}" for name in (MANIFEST, *(one.name for one in listed(state / "records")))]
    result = run_cli("restore", str(file), "--state", str(there))
    assert (result.code, "traffic records" in result.lines[0]) == (0, True), result.err
    assert uids(there / "records") == uids(state / "records") == list(range(ROWS))
    assert [one.stamp for one in listed(there / "records")] == [
        stamp_of(there / "records" / one.name) for one in listed(there / "records")
    ]
    sound, damaged = readable(there / "records", Range())
    assert (len(sound), damaged) == (2, [])
    write_rows(there / "records", {"conn": [{"ts": 99, "uid": 99}]})
    assert uids(there / "records")[-1] == 99


def test_records_are_left_out_unless_they_are_requested(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path
) -> None:
    """A restore without records keeps the existing ones."""
    file, before = back_up(state), snapshot(state / "records")
    assert not [name for name in names(file) if name.startswith("records/")]
    assert run_cli("restore", str(file), "--state", str(state)).code == 0
    assert snapshot(state / "records") == before


def test_records_that_were_there_are_kept_aside(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path
) -> None:
    file = back_up(state, "--with-records")
    write_rows(state / "records", {"dns": [{"ts": 1, "uid": 1, "query": "later.example"}]})
    assert run_cli("restore", str(file), "--state", str(state)).code == 0
    (aside,) = state.glob("before-restore-*")
    assert [row["query"] for row in rows(aside / "records", "dns")] == ["later.example"]
    assert (rows(state / "records", "dns"), len(uids(state / "records"))) == ([], ROWS)


def test_what_a_run_handed_over_is_written_before(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], inventory: Path, root: Path, tmp_path: Path
) -> None:
    """Records of a replay that are not written yet are part of the backup."""
    replayed(tmp_path / "other", root / "pcaps" / "office.pcapng")
    wanted = len(uids(tmp_path / "other"))
    tail(inventory / "records", root / "pcaps" / "office.pcapng")
    assert run_cli("restore", str(back_up(inventory, "--with-records")), "--state", str(tmp_path / "new")).code == 0
    assert len(uids(tmp_path / "new" / "records")) == wanted > 0


def tail(records: Path, capture: Path) -> None:
    """The unwritten records of a capture, without a writer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sensor.runtime.recording.RecordsProcess.end", lambda _: None)
        replayed(records, capture)
    assert list((records / FOLDER).glob(f"*{SUFFIX}"))


def test_a_file_that_was_damaged_or_missing_is_named_after_a_restore(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path, tmp_path: Path
) -> None:
    """A restore does not present damaged or missing data as intact."""
    damaged, lost = (state / "records" / one.name for one in listed(state / "records"))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    lost.unlink()
    file, there = back_up(state, "--with-records"), tmp_path / "new"
    assert run_cli("restore", str(file), "--state", str(there)).code == 0
    sound, faults = readable(there / "records", Range())
    assert sound == []
    assert sorted(fault.partition(":")[0] for fault in faults) == sorted(
        f"conn/{path.name}" for path in (damaged, lost)
    )


def test_files_are_not_deleted_while_they_are_copied(state: Path) -> None:
    """A file that is being copied is not deleted; maintenance deletes it later."""
    before = listed(state / "records")
    writer = Writer(state / "records", print)
    upkeep = Upkeep(writer, None, 1)
    with copying(state / "records"):
        upkeep.manifest.drop([one.name for one in before], 0.0)
        upkeep.delete(0.0)
        assert all((state / "records" / one.name).exists() for one in before)
    upkeep.delete(0.0)
    assert not any((state / "records" / one.name).exists() for one in before)
    writer.close()


def test_a_restore_waits_for_no_writer(
    back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path
) -> None:
    """While a process writes records, neither they nor any other data is replaced."""
    file, plain = back_up(state, "--with-records"), state.parent / "plain.tar.zst"
    assert run_cli("backup", str(plain), "--state", str(state)).code == 0
    writer = Writer(state / "records", print)
    before = snapshot(state / "records")
    result = run_cli("restore", str(file), "--state", str(state))
    assert (result.code, snapshot(state / "records")) == (3, before)
    assert reports(result, "restore.failed", "writer.lock"), result.err
    assert run_cli("restore", str(plain), "--state", str(state)).code == 0
    writer.close()


FOREIGN = ["conn/../../inventory.db", "/etc/passwd", "conn/1-2-3.txt"]


def rename_first(records: Path, name: str) -> None:
    """Renames the first file in the manifest."""
    base = sqlite3.connect(records / MANIFEST)
    with base:
        base.execute("UPDATE file SET name = ? WHERE rowid = (SELECT min(rowid) FROM file)", (name,))
    base.close()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_backup_copies_no_foreign_files(
    name: str, run_cli: Callable[..., Result], state: Path, tmp_path: Path
) -> None:
    """An intruder may list files in the manifest that only root may read."""
    rename_first(state / "records", name)
    result = run_cli("backup", str(tmp_path / "a"), "--with-records", "--state", str(state))
    assert (result.code, (tmp_path / "a").exists()) == (3, False)
    assert reports(result, "backup.failed", MANIFEST), result.err


def test_a_dry_run_counts_the_files(back_up: Callable[..., Path], run_cli: Callable[..., Result], state: Path) -> None:
    """A dry run prints the number of files, not their names: there may be thousands."""
    file = back_up(state, "--with-records")
    result = run_cli("restore", "--dry-run", str(file), "--state", str(state))
    assert sum(str(state / "records") in line for line in result.lines) == 2
    (line,) = [one for one in result.lines if one.endswith(f" → {state / 'records'}")]
    assert line.split()[0] == "3"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_manifest_that_lists_foreign_files_is_refused(
    name: str, run_cli: Callable[..., Result], state: Path, tmp_path: Path
) -> None:
    """A manifest with paths outside is rejected: maintenance would delete these files."""
    rename_first(state / "records", name)
    data = (state / "records" / MANIFEST).read_bytes()
    file = archive(tmp_path / "hostile", {f"records/{MANIFEST}": data}, records=True)
    before = snapshot(state)
    result = run_cli("restore", str(file), "--state", str(state))
    assert (result.code, snapshot(state)) == (3, before)
    assert reports(result, "restore.failed"), result.err


@pytest.mark.parametrize("name", ["records/x.db", "records/conn/x.parquet", "records/nothing/1-2-3.parquet"])
def test_a_name_that_no_backup_has(name: str, run_cli: Callable[..., Result], tmp_path: Path) -> None:
    file = archive(tmp_path / "hostile", {name: b"data"})
    result = run_cli("restore", str(file), "--state", str(tmp_path / "new"))
    assert result.code == 3
    assert reports(result, "restore.failed", name), result.err


def test_an_export_of_a_dataset_has_its_records(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Queries on a replay give the same answers on another host."""
    state, there = tmp_path / "state", tmp_path / "there"
    assert main(["replay", str(root / "pcaps" / "office.pcapng"), "--state", str(state)]) == 0
    assert main(["data", "export", "office", "-o", str(tmp_path / "a.tar.gz"), "--state", str(state)]) == 0
    with tarfile.open(tmp_path / "a.tar.gz") as file:
        file.extractall(there / "datasets", filter="data")
    found = []
    for place in (state, there):
        capsys.readouterr()
        assert main(["search", "10.20.10.5", "--json", "--state", str(place)]) == 0
        found.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert len(found[0]) > 50
    assert found[0] == found[1]
