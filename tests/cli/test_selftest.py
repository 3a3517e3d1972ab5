"""sensor selftest: its output for a good installation, and that each check can fail."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from sensor.cli import _selftest_machine as parts
from sensor.cli import _selftest_replay as replayed
from sensor.cli._selftest_replay import Replayed
from tests import forked, sampling
from tests.golden import Golden


@pytest.fixture(scope="module", autouse=True)
def programs() -> Iterator[None]:
    """The replay is a forked process; `test_all_is_well` starts the program itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replayed, "subprocess", SimpleNamespace(run=forked.run, TimeoutExpired=subprocess.TimeoutExpired))
        yield


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The results of the capture."""
    return replayed._replayed(tmp_path_factory.mktemp("good"))


def test_all_is_well(golden: Golden, run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each check, a last line, exit code 0; no file is left in the state folder."""
    monkeypatch.setattr(replayed, "subprocess", subprocess)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run_cli("selftest")
    assert result.code == 0, result.out
    assert all(line.startswith("ok") for line in result.lines[:-1])
    golden(result.lines[-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert "\033" not in result.out


def test_json(run_cli) -> None:
    """JSON has one object for each check."""
    found = [json.loads(line) for line in run_cli("selftest", "--json").lines]
    assert [one["check"] for one in found] == [
        "kernels", "mac_registry", "sqlite", "zstd", "time_zone", "configuration", "writable", "space", "disk_speed",
        "capture", "devices", "alerts", "evidence", "log", "inventory", "formats",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", sampling.drawn(["Asia/Kathmandu", "No/Such_Zone"], 1, "time zones"))
def test_in_every_time_zone(good: Replayed, zone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A replay in any time zone has the same times."""
    monkeypatch.setenv("TZ", zone)
    there = replayed._replayed(tmp_path)
    assert [record["ts"] for record in there.records] == [record["ts"] for record in good.records]


def test_a_capture_that_cannot_be_read(run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable capture is reported with exit code 1, without its consequential failures."""
    monkeypatch.setattr(replayed, "CAPTURE", "__init__.py")
    result = run_cli("selftest")
    assert result.code == 1
    assert result.lines[-2].startswith("error    replay: capture: the replay ended")
    assert result.lines[-1] == "10 checks: 1 error"


def changed(good: Replayed, change: Callable[[list[dict]], object]) -> Replayed:
    records = json.loads(json.dumps(good.records))
    change(records)
    return good._replace(records=records)


def last(records: list[dict], kind: str) -> dict:
    return next(one for one in reversed(records) if one["kind"] == kind)


@pytest.mark.parametrize(
    ("check", "change", "text"),
    [
        ("capture", lambda them: last(them, "sensor") and them.__delitem__(slice(-3, None)), "without a valid summary"),
        (
            "capture",
            lambda them: [one["capture"].update(malformed=1) for one in them if one["action"] == "summary"],
            "without a valid summary",
        ),
        (
            "devices",
            lambda them: [one["device"].update(type="nvr") for one in them if one["kind"] == "device"],
            "nvr",
        ),
        ("devices", lambda them: them.__setitem__(slice(None), []), "unknown"),
        ("devices", lambda them: [one.pop("evidence", None) for one in them], "without evidence"),
        ("alerts", lambda them: them.__setitem__(slice(None), []), "none"),
        (
            "alerts",
            lambda them: them.append(
                {"kind": "alert", "action": "open", "severity": "high", "alert": {"detector": "x.y"}}
            ),
            "x.y",
        ),
        ("evidence", lambda them: [one.pop("packets", None) for one in them], "contains 0 packets, expected 0"),
        (
            "evidence",
            lambda them: [one["packets"].update(frames=10_000) for one in them if "packets" in one],
            "expected 10,000",
        ),
        ("evidence", lambda them: them.__setitem__(slice(None), []), "no alert"),
        ("log", lambda them: them.pop(3), "have gaps"),
        ("log", lambda them: them[3].update(id=them[2]["id"]), "the same id"),
        ("formats", lambda them: [one.update(kind="flow") for one in them], "cef"),
    ],
)
def test_what_is_not_right_is_seen(
    good: Replayed, check: str, change: Callable[[list[dict]], object], text: str
) -> None:
    """Each check passes on the results of the capture, and fails if one of them is changed."""
    look = getattr(replayed, check)
    assert look(good).level == "ok"
    verdict = look(changed(good, change))
    assert verdict.level == "error"
    assert text in verdict.found
    assert verdict.advice


def test_damaged_files_are_seen(golden: Golden, good: Replayed, tmp_path: Path) -> None:
    """An incomplete line of the log, missing evidence and a missing inventory are detected."""
    golden(replayed.log(good._replace(invalid=["{half"])).found)
    empty = good._replace(folder=tmp_path)
    assert "contains 0 packets" in replayed.evidence(empty).found
    golden(replayed.inventory(empty).found, "inventory")
    shutil.copytree(good.folder / "state", tmp_path / "state")
    with sqlite3.connect(tmp_path / "state" / "inventory.db") as base:
        base.execute("DELETE FROM devices WHERE vendor = 'Axis'")
    base.close()
    golden(replayed.inventory(empty).found)


def test_a_program_that_is_not_whole(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kernels of another Python, missing kernels, an old SQLite and a missing OUI registry are reported with advice."""
    import sensor

    monkeypatch.setattr(sensor, "__file__", str(tmp_path / "sensor" / "__init__.py"))
    (tmp_path / "sensor").mkdir()
    suffix = parts.importlib.machinery.EXTENSION_SUFFIXES[0]  # contains the version of Python
    golden(parts.kernels().found.replace(suffix, ".SUFFIX"), "another")
    (tmp_path / "sensor" / f"broken{suffix}").write_bytes(b"\x7fELF no more")
    golden(parts.kernels().found, "sensor.broken")
    monkeypatch.setattr(parts.sqlite3, "sqlite_version_info", (3, 34, 1))
    assert "expected 3.38.0 or newer" in parts.sqlite().found
    monkeypatch.setattr("sensor.fingerprinting.oui.Oui.organisation", lambda *_: "")
    golden(parts.mac_registry().found, "expected")
    assert all(verdict.level == "error" for verdict in (parts.kernels(), parts.sqlite(), parts.mac_registry()))


def test_a_wrong_configuration_and_a_folder_that_cannot_be_written(
    run_cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An invalid configuration and an unwritable folder are reported, and the other checks still run."""
    (tmp_path / "sensor.yaml").write_text("netwroks: []\n")
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "sensor.yaml")
    result = run_cli("selftest", "--state", "/proc/none")
    assert result.code == 1
    assert any("configuration: " in line and "sensor.yaml:1:1: " in line for line in result.lines)
    assert any(line.startswith("error    /proc/none: writable: not writable") for line in result.lines)
    assert result.lines[-1].endswith("2 errors")
