"""``sensor data``: datasets are listed, shown, chosen, renamed, removed, exported."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.datasets.card import REPLAY, Card, write_card
from tests.cli.conftest import Result, parted
from tests.datasets._folders import age, write_inventory, write_log
from tests.golden import Golden

Data = Callable[..., Result]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A sensor that ran once, and two replays since; one of them is newer and lost its inventory."""
    folder = tmp_path / "state"
    write_inventory(folder)
    write_log(folder / "events.jsonl", alerts=0)
    age(folder, 100)
    for name, seconds in (("alpha", 50), ("beta", 10)):
        write_log(folder / "datasets" / name / "events.jsonl", devices=5, alerts=2)
        write_card(
            folder / "datasets" / name,
            Card(REPLAY, name, [f"/pcaps/{name}.pcap"], first="2026-11-24T08:00:00Z", last="2026-11-25T09:30:00Z"),
        )
        age(folder / "datasets" / name, seconds)
    write_inventory(folder / "datasets" / "alpha")
    age(folder / "datasets" / "alpha", 50)
    return folder


@pytest.fixture
def data(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Data:
    monkeypatch.setenv("SENSOR_STATE", str(state))

    def run(*arguments: str) -> Result:
        code = main(["data", *arguments])
        return Result(code, *capsys.readouterr())

    return run


def names(data: Data) -> list[str]:
    return [json.loads(line)["name"] for line in data("list", "--json").lines]


def test_the_list(data: Data, state: Path) -> None:
    """One line a dataset; the selected one is marked; values of missing parts are shown as unknown."""
    result = data()
    assert result.code == 0
    rows = [line.split("  ") for line in result.lines[1:-1]]
    assert [[cell.strip() for cell in row if cell.strip()][:4] for row in rows] == [
        ["-", "live", "live", "2026-11-24 08:00 to 08:20 UTC"],
        [">", "beta", "replay", "2026-11-24 08:00 to 2026-11-25 09:30 UTC"],
        ["-", "alpha", "replay", "2026-11-24 08:00 to 2026-11-25 09:30 UTC"],
    ]
    found = {one["name"]: one for one in map(json.loads, data("list", "--json").lines)}
    assert [(one["devices"], one["alerts"], one["read"]) for one in found.values()] == [
        (3, 0, False),
        (5, 2, True),
        (3, 2, False),
    ]
    assert found["beta"]["missing"] == ["inventory", "evidence"]
    (state / "datasets" / "alpha" / "events.jsonl").unlink()
    assert {one["name"]: one["alerts"] for one in map(json.loads, data("list", "--json").lines)}["alpha"] is None


def test_all_about_one(golden: Golden, data: Data, state: Path) -> None:
    """The selected dataset is shown, or the named one."""
    golden(data("show").lines[0])
    assert json.loads(data("show", "alpha", "--json").out)["captures"] == ["/pcaps/alpha.pcap"]
    assert f"  folder     {state}" in data("show", "live").lines


def test_the_environment_names_one(
    data: Data, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--data takes precedence over the environment, which takes precedence over the selected dataset."""
    assert data("use", "beta").code == 0
    monkeypatch.setenv("SENSOR_DATA", "alpha")
    heads = []
    for arguments in (["alerts"], ["alerts", "--data", "live"]):
        assert main(arguments) == 0
        heads.append(parted(0, *capsys.readouterr()).head.split(" · ")[0])
    assert heads == ["alpha", "live"]
    monkeypatch.setenv("SENSOR_DATA", "gamma")
    assert main(["alerts"]) == 1


def test_choose_and_take_back(data: Data) -> None:
    """The selected dataset is marked in the list."""
    assert data("use", "alpha").code == 0
    assert json.loads(data("show", "--json").out)["name"] == "alpha"
    assert data("use").code == 0
    assert json.loads(data("show", "--json").out)["name"] == "beta"


def test_rename(data: Data) -> None:
    """A name that is in use or invalid is rejected; that of the live sensor is fixed."""
    assert data("rename", "alpha", "before").code == 0
    assert set(names(data)) == {"live", "before", "beta"}
    assert [data("rename", "before", name).code for name in ("beta", "live", "../up", "a b")] == [2, 2, 2, 2]
    assert data("rename", "live", "other").code == 2
    assert data("rename", "nobody", "other").code == 1


def test_remove(data: Data, state: Path) -> None:
    """All names are resolved before the first dataset is removed; the live sensor's data is not removed."""
    assert data("remove", "alpha", "gamma").code == 1
    assert data("remove", "live").code == 2
    assert len(names(data)) == 3
    assert data("remove", "alpha", "beta").lines == ["removed alpha", "removed beta"]
    assert (names(data), (state / "inventory.db").exists()) == (["live"], True)


def test_an_export_is_a_dataset_elsewhere(data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unpacked into another state folder it is readable there; only its owner may read the archive."""
    archive = tmp_path / "alpha.tar.gz"
    assert data("export", "alpha", "-o", str(archive)).code == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "there" / "datasets", filter="data")
    capsys.readouterr()
    assert main(["devices", "--state", str(tmp_path / "there"), "--json"]) == 0
    result = parted(0, *capsys.readouterr())
    assert (result.head.split(" · ")[:2], len(result.lines)) == (["alpha", "replay"], 3)
    for path in ("/nowhere/x.tar.gz", str(tmp_path)):
        result = data("export", "alpha", "-o", path)
        assert (result.code, result.err.startswith(f"sensor: {path}: ")) == (3, True), result.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["lst"], 2),
        (["show", "a", "b"], 2),
        (["show", "alhpa"], 1),
        (["rename", "a"], 2),
        (["remove"], 2),
        (["export"], 2),
    ],
)
def test_what_makes_no_sense(data: Data, arguments: list[str], code: int) -> None:
    """An error is one line with the nearest existing name."""
    result = data(*arguments)
    assert (result.code, result.out, len(result.err.splitlines())) == (code, "", 1)
    assert "alhpa" not in arguments or "alpha" in result.suggestions


def test_what_was_done_for_programs(data: Data, tmp_path: Path) -> None:
    """JSON output has one object for each dataset."""
    archive = tmp_path / "alpha.tgz"
    lines = [
        data(*arguments.split(), "--json").lines
        for arguments in ("use alpha", "use", "rename alpha gamma", f"export gamma -o {archive}", "remove gamma beta")
    ]
    result = [json.loads(line) for some in lines for line in some]
    assert [(one["action"], one["name"]) for one in result] == [
        ("use", "alpha"), ("use", ""), ("rename", "gamma"), ("export", "gamma"), ("remove", "gamma"),
        ("remove", "beta"),
    ]  # fmt: skip
    assert (result[2]["before"], result[3]["bytes"]) == ("alpha", archive.stat().st_size)


def test_nothing_is_there(tmp_path: Path, data: Data) -> None:
    """Without any dataset the exit code is 3, with what to do; reading creates no files."""
    for arguments in (["list"], ["show"]):
        result = data(*arguments, "--state", str(tmp_path / "none"))
        assert (result.code, "sensor replay FILE" in result.err) == (3, True)
    assert not (tmp_path / "none").exists()


def test_tables_are_rebuilt_from_the_log(data: Data, state: Path) -> None:
    """Lost rows of the tables are restored, devices stay; without a log tables cannot be rebuilt."""
    result = data("rebuild", "alpha", "--json")
    assert (result.code, json.loads(result.out)) == (0, {"action": "rebuild", "name": "alpha", "records": 9})
    with contextlib.closing(sqlite3.connect(state / "datasets" / "alpha" / "inventory.db")) as base:
        devices = base.execute("SELECT count(*) FROM devices").fetchone()
        base.execute("DELETE FROM alerts")
        base.commit()
        assert data("rebuild", "alpha").code == 0
        assert base.execute("SELECT count(*) FROM alerts").fetchone() == (2,)
        assert base.execute("SELECT count(*) FROM devices").fetchone() == devices
    (state / "datasets" / "alpha" / "events.jsonl").unlink()
    assert data("rebuild", "alpha").code == 6
    assert data("rebuild", "gamma").code == 1
    assert data("rebuild", "alpha", "beta").code == 2
