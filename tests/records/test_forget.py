"""Purged devices are removed from the traffic records too: their rows, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.records.forget import FOLDER, carry_out, carry_out_now, order
from sensor.records.schema import TABLES
from sensor.records.writer import Writer
from tests.records.kit_records import office_records, rows

NAS, NAS_MAC = "10.20.10.5", "00:11:32:6e:20:b7"
STORED = [table.name for table in TABLES.values() if table.stored]


@pytest.fixture
def office(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(office_records(tmp_path_factory), tmp_path / "records"))


def counted(folder: Path) -> dict[str, int]:
    return {name: len(rows(folder, name)) for name in STORED}


def named(folder: Path, device: str) -> int:
    """Rows in which a device or its MAC address occurs anywhere."""
    return sum(device in str(row) or NAS_MAC in str(row) for name in STORED for row in rows(folder, name))


def test_all_rows_of_a_device_go_and_all_others_stay(office: Path) -> None:
    device = next(row["src_device"] for row in rows(office, "conn") if row["src_ip"] == NAS)
    before, theirs = counted(office), named(office, device)
    assert theirs > 50
    order(office, [device], [NAS_MAC])
    gone = carry_out_now(office, print)
    assert named(office, device) == 0
    assert sum(before.values()) - sum(counted(office).values()) == gone == theirs
    assert list((office / FOLDER).iterdir()) == []
    old = {path.relative_to(office).as_posix() for path in office.rglob("*.parquet")}
    writer = Writer(office, print)
    assert old == {file.name for file in writer.manifest.files()}
    assert device not in writer.manifest.devices()
    writer.close()


def test_a_process_that_writes_carries_it_out(office: Path) -> None:
    """The process that requests the deletion does not change the files."""
    before = counted(office)
    writer = Writer(office, print)
    order(office, [], [NAS_MAC])
    assert carry_out_now(office, print) is None
    assert counted(office) == before
    assert carry_out(writer) > 0
    assert carry_out(writer) == 0
    writer.close()
    assert not any(NAS_MAC in str(row) for row in rows(office, "conn"))


def test_an_unreadable_order_is_reported_and_kept(office: Path) -> None:
    (office / FOLDER).mkdir()
    (office / FOLDER / "x.json").write_text("{")
    complaints: list[str] = []
    assert carry_out_now(office, complaints.append) == 0
    assert len(complaints) == 1
    assert (office / FOLDER / "x.json").exists()


def test_sensor_purge(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """sensor purge on a state folder whose sensor does not run."""
    assert main(["replay", str(root / "pcaps" / "office.pcapng"), "--state", str(tmp_path)]) == 0
    (found,) = tmp_path.rglob("records")
    capsys.readouterr()
    code = main(["purge", NAS, "--yes", "--state", str(tmp_path)])
    out = capsys.readouterr().out
    assert (code, "traffic records" in out) == (0, True), out
    assert not any(NAS_MAC in str(row) for row in rows(found, "conn"))
