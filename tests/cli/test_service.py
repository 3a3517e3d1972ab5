"""sensor service: units are installed and removed below a root; programs a service could not run; status of units."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.cli import _service_units as units
from sensor.cli import service
from tests.golden import Golden

SHOWN = """\
Id=sensor.target
LoadState=loaded
ActiveState=active
UnitFileState=enabled

Id=sensor.service
LoadState=loaded
ActiveState={state}
Result=watchdog
UnitFileState=disabled
MainPID=4711
MemoryCurrent=121634816
NRestarts=2
StatusText=12,345 packets, 31 devices

Id=sensor-forward.service
LoadState=not-found
ActiveState=inactive
"""
as_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-sysusers") is None, reason="needs root and systemd-sysusers"
)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of another system, in which any path of this environment is allowed."""
    monkeypatch.setattr(units, "HIDDEN", ())
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    return root


def systemctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces systemctl."""
    program = folder / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@as_root
def test_install(run_cli, system: Path) -> None:
    """Units with the path of this program, a user, a configuration that only root may write and only the sensor may
    read, and what to do next.
    """
    result = run_cli("service", "install", "--root", str(system))
    assert (result.code, result.err) == (0, "")
    assert "systemctl " in result.lines[-1]
    program = Path(sys.executable).parent / "sensor"
    for name, command in (("sensor.service", "run --wait"), ("sensor-forward.service", "forward")):
        assert (
            f"\nExecStart={program} {command} --config /etc/sensor/sensor.yaml\n"
            in (system / "etc/systemd/system" / name).read_text()
        )
    assert (
        f"'{program} intel update; lists=$?; {program} vulns update && exit $lists'"
        in (system / "etc/systemd/system/sensor-update.service").read_text()
    )
    account = next(line for line in (system / "etc/passwd").read_text().splitlines() if line.startswith("sensor:"))
    assert account.split(":")[5:] == ["/var/lib/sensor", "/usr/sbin/nologin"]
    found = (system / "etc/sensor").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, int(account.split(":")[3]), 0o750)
    assert run_cli("config", "check", "--offline", str(system / "etc/sensor/sensor.yaml")).code == 0


@as_root
def test_install_again(run_cli, system: Path) -> None:
    """Correct units stay; a unit that differs is replaced; the configuration is never changed."""
    assert run_cli("service", "install", "--root", str(system)).code == 0
    (system / "etc/systemd/system/sensor.service").write_text("[Service]\n")
    (system / "etc/sensor/sensor.yaml").write_text("preset: quiet\n")
    result = run_cli("service", "install", "--root", str(system))
    assert result.code == 0
    endings = {
        Path(line.split(":")[0]).name: line.split(": ")[1] for line in result.lines if line.startswith(str(system))
    }
    assert endings.pop("sensor.service") == "updated"
    assert endings == dict.fromkeys((*set(units.UNITS) - {"sensor.service"}, "sensor.conf", "sensor.yaml"), "unchanged")
    assert (system / "etc/sensor/sensor.yaml").read_text() == "preset: quiet\n"


@as_root
def test_uninstall(run_cli, system: Path) -> None:
    """Units are removed, state and configuration stay and are named; a second time there is nothing to remove."""
    assert run_cli("service", "install", "--root", str(system)).code == 0
    result = run_cli("service", "uninstall", "--root", str(system))
    assert result.code == 0
    assert result.lines[-1].startswith("kept: ")
    assert list((system / "etc/systemd/system").iterdir()) == []
    assert (system / "etc/sensor/sensor.yaml").exists()
    result = run_cli("service", "uninstall", "--root", str(system))
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_a_package_is_there_already(run_cli, system: Path) -> None:
    """Units of the package are not duplicated."""
    unit = system / "usr/lib/systemd/system/sensor.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    result = run_cli("service", "install", "--root", str(system))
    assert result.code == 2
    assert result.err == f"sensor: {unit} exists, from a package\n"


def test_what_a_service_would_not_see(run_cli, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in a home folder is rejected with what to do, before anything is written."""
    monkeypatch.setattr(units, "HIDDEN", (str(Path(sys.executable).parents[1]),))
    result = run_cli("service", "install", "--root", str(system))
    assert result.code == 3
    assert result.err.count("\n") == 1
    assert "python3 -m venv /opt/sensor" in result.err
    assert list((system / "etc").iterdir()) == []


def test_a_program_that_is_not_there_or_has_an_odd_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "HIDDEN", ())
    with pytest.raises(units.CannotServe, match="does not exist"):
        units.check_program(tmp_path / "sensor")
    (tmp_path / "a sensor").touch()
    with pytest.raises(units.CannotServe, match="only letters, digits"):
        units.check_program(tmp_path / "a sensor")


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_only_root_may(run_cli, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """Another user gets exit code 4 and the command that works."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run_cli("service", action)
    assert result.code == 4
    assert (
        result.err
        == f"sensor: only root may {action} a service: sudo {Path(sys.executable).parent / 'sensor'} service {action}\n"
    )


def test_wrong_action(golden: Golden, run_cli) -> None:
    """The nearest action is named."""
    result = run_cli("service", "instal")
    assert result.code == 2
    golden(result.err)


@pytest.mark.parametrize(("state", "code"), [("active", 0), ("failed", 1)])
def test_status(run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, code: int) -> None:
    """Installed units are listed with their last systemd status text; exit code 1 if one that should run does not."""
    systemctl(tmp_path, f"cat <<'END'\n{SHOWN.format(state=state)}END", monkeypatch)
    result = run_cli("service", "status", "--json")
    assert result.code == code
    target, sensor = map(json.loads, result.lines)
    assert target["unit"] == "sensor.target"
    assert sensor["state"] == ("active" if code == 0 else "failed (watchdog)")
    assert (sensor["pid"], sensor["memory"], sensor["restarts"], sensor["status_text"]) == (
        "4711",
        "116 MiB",
        "2",
        "12,345 packets, 31 devices",
    )
    table = run_cli("service")
    assert table.code == code
    assert table.lines[0].split("  ")[0] == "UNIT"
    assert len(table.lines) == 3


def test_status_where_nothing_is_installed_or_systemd_does_not_run(
    golden: Golden, run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both cases are reported in one line with what to do."""
    systemctl(tmp_path, "echo LoadState=not-found", monkeypatch)
    result = run_cli("service")
    assert result.code == 1
    golden(result.err)
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    result = run_cli("service")
    assert result.code == 3
    assert result.err.startswith("sensor: systemd ")


@as_root
def test_systemd_takes_what_was_written(run_cli, system: Path) -> None:
    """Units with our own path pass `systemd-analyze verify`, as those of the package do."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    assert run_cli("service", "install", "--root", str(system)).code == 0
    paths = [str(system / "etc/systemd/system" / name) for name in units.UNITS]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if "sensor" in line]) == (0, [])


def test_program_is_beside_the_interpreter() -> None:
    """The service has the same path, even if the command was called by another path or a link."""
    assert service._program() == Path(sys.executable).parent / "sensor"
