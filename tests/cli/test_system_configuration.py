"""The configuration of the system applies to every command without --config; --config /dev/null uses none."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sensor.cli.main import main
from tests.eventlog.segmented import line
from tests.offices import CAPTURE

SCANNER = "10.20.10.106"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the system's configuration, for a user without own data."""
    for name in ("SENSOR_STATE", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    path = tmp_path / "etc" / "sensor.yaml"
    path.parent.mkdir()
    monkeypatch.setattr("sensor.config_file.SYSTEM", path)
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", tmp_path / "none")
    return path


def scans(capsys: pytest.CaptureFixture[str], *arguments: str) -> set[str]:
    """Severities of the alerts about the scanner, as another command lists them."""
    capsys.readouterr()
    assert main(["alerts", "--json", "--src", SCANNER, "--detector", "discovery.*", *arguments]) == 0
    return {json.loads(line)["severity"] for line in capsys.readouterr().out.splitlines()}


def test_a_replay_uses_it(capsys: pytest.CaptureFixture[str], system: Path, tmp_path: Path) -> None:
    """Roles apply, and the dataset is where other commands find it: in the folder `state:`. Its last layer counts."""
    system.write_text(f"roles: {{scanner: [{SCANNER}]}}\nstate: lost  # moved\n")
    (system.parent / "conf.d").mkdir()
    (system.parent / "conf.d" / "10.yaml").write_text("state: elsewhere\n")
    (system.parent / "conf.d" / "state.yml").write_text(f'state: "{tmp_path / "large disk"}"\n')
    (system.parent / "conf.d" / ".zzz.yaml").write_text("state: hidden\n")
    assert main(["replay", *CAPTURE]) == 0
    assert scans(capsys) == {"low"}
    assert [path.name for path in (tmp_path / "large disk" / "datasets").iterdir()] == ["office"]
    assert main(["replay", *CAPTURE, "--config", "/dev/null"]) == 0
    assert scans(capsys, "--state", str(tmp_path / "home" / "sensor")) == {"low", "medium"}


def test_a_faulty_one_stops_a_replay(capsys: pytest.CaptureFixture[str], system: Path) -> None:
    """The fault has file, line and column; without the configuration, the capture is read."""
    system.write_text("roles: {scaner: []}\n")
    assert main(["replay", *CAPTURE]) == 2
    assert f"{system}:1:" in capsys.readouterr().err
    assert main(["replay", *CAPTURE, "--events", "/dev/null", "--config", "/dev/null"]) == 0


def test_without_permission(capsys: pytest.CaptureFixture[str], system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file, and how to do without it."""

    def refused(path: Path, texts: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    system.write_text("preset: quiet\n")
    monkeypatch.setattr("sensor.config.load_config", refused)
    assert main(["replay", *CAPTURE]) == 4
    assert f"no permission for {system}" in (err := capsys.readouterr().err)
    assert "--config /dev/null" in err


def test_a_capture_uses_it(capsys: pytest.CaptureFixture[str], system: Path) -> None:
    """Its interfaces are captured."""
    system.write_text("capture: {interfaces: [mirror-nine]}\n")
    assert main(["run"]) == 3
    assert "'mirror-nine'" in capsys.readouterr().err
    assert main(["run", "--config", "/dev/null"]) == 2


def test_a_delivery_uses_it(system: Path) -> None:
    """Its outputs receive the log in its state folder."""
    system.write_text("state: kept\noutputs: {archive: {type: file, path: out.jsonl}}\n")
    (system.parent / "kept").mkdir()
    (system.parent / "kept" / "events.jsonl").write_bytes(b"".join(line(number) for number in range(1, 11)))
    assert main(["forward", "--once"]) == 0
    assert len((system.parent / "out.jsonl").read_bytes().splitlines()) == 10


@pytest.mark.parametrize(
    "command",
    [
        ["config", "check"],
        ["config", "show"],
        ["doctor", "--config"],
        ["report", "-o", "report.html", "--config"],
        ["outputs", "list", "--config"],
        ["backup", "backup.tar", "--config"],
        ["replay", *CAPTURE, "--config"],
    ],
)
def test_it_is_read_once(capsys: pytest.CaptureFixture[str], system: Path, command: list[str]) -> None:
    """A pipe, as of ``--config <(…)``, has its content only once: its fault has its line."""
    reading, writing = os.pipe()
    os.write(writing, b"timezone: Europe/Berlin\noutputs:\n  siem: {type: bogus}\n")
    os.close(writing)
    assert main([*command, f"/dev/fd/{reading}"]) == 2
    os.close(reading)
    assert f"/dev/fd/{reading}:3:16: " in capsys.readouterr().err
    assert not system.exists()
