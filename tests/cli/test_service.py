"""sensor service: units written below a root and taken away again, what a service could not run, and how units fare."""

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
    """The root of another system, for which this environment may be where it is."""
    monkeypatch.setattr(units, "HIDDEN", ())
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    return root


def systemctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for systemd's own."""
    program = folder / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@as_root
def test_install(tell, system: Path) -> None:
    """Units with the path of this program, a user, a configuration that only root may write and only the sensor read,
    and what to do next.
    """
    told = tell("service", "install", "--root", str(system))
    assert (told.code, told.err) == (0, "")
    assert told.lines[-1].startswith("nothing is started yet; next: ")
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
    assert tell("config", "check", "--offline", str(system / "etc/sensor/sensor.yaml")).code == 0


@as_root
def test_install_again(tell, system: Path) -> None:
    """What is as it should be stays; a unit that differs is written anew; the configuration is never touched."""
    assert tell("service", "install", "--root", str(system)).code == 0
    (system / "etc/systemd/system/sensor.service").write_text("[Service]\n")
    (system / "etc/sensor/sensor.yaml").write_text("preset: quiet\n")
    told = tell("service", "install", "--root", str(system))
    assert told.code == 0
    endings = {
        Path(line.split(":")[0]).name: line.split(": ")[1] for line in told.lines if line.startswith(str(system))
    }
    assert endings.pop("sensor.service") == "updated"
    assert endings == dict.fromkeys((*set(units.UNITS) - {"sensor.service"}, "sensor.conf", "sensor.yaml"), "as it was")
    assert (system / "etc/sensor/sensor.yaml").read_text() == "preset: quiet\n"


@as_root
def test_uninstall(tell, system: Path) -> None:
    """The units go, what was learned and written stays and is named; a second time there is nothing to take away."""
    assert tell("service", "install", "--root", str(system)).code == 0
    told = tell("service", "uninstall", "--root", str(system))
    assert told.code == 0
    assert told.lines[-1].startswith("what stays: ")
    assert list((system / "etc/systemd/system").iterdir()) == []
    assert (system / "etc/sensor/sensor.yaml").exists()
    told = tell("service", "uninstall", "--root", str(system))
    assert (told.code, told.err.count("\n")) == (1, 1)


def test_a_package_is_there_already(tell, system: Path) -> None:
    """Its units are not doubled."""
    unit = system / "usr/lib/systemd/system/sensor.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    told = tell("service", "install", "--root", str(system))
    assert told.code == 2
    assert told.err == f"sensor: {unit} exists, from a package\n"


def test_what_a_service_would_not_see(tell, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in a home is refused with what to do, before anything is written."""
    monkeypatch.setattr(units, "HIDDEN", (str(Path(sys.executable).parents[1]),))
    told = tell("service", "install", "--root", str(system))
    assert told.code == 3
    assert told.err.count("\n") == 1
    assert "python3 -m venv /opt/sensor" in told.err
    assert list((system / "etc").iterdir()) == []


def test_a_program_that_is_not_there_or_has_an_odd_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "HIDDEN", ())
    with pytest.raises(units.CannotServe, match="is not there"):
        units.check_program(tmp_path / "sensor")
    (tmp_path / "a sensor").touch()
    with pytest.raises(units.CannotServe, match="only letters, digits"):
        units.check_program(tmp_path / "a sensor")


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_only_root_may(tell, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """Exit code 4 and the command that works."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    told = tell("service", action)
    assert told.code == 4
    assert (
        told.err
        == f"sensor: only root may {action} a service: sudo {Path(sys.executable).parent / 'sensor'} service {action}\n"
    )


def test_wrong_action(tell) -> None:
    """The nearest one is named."""
    told = tell("service", "instal")
    assert (told.code, told.err) == (
        2,
        "sensor: found 'instal', expected one of status, install, uninstall; did you mean 'install'?\n",
    )


@pytest.mark.parametrize(("state", "code"), [("active", 0), ("failed", 1)])
def test_status(tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, code: int) -> None:
    """Those that are installed, with the words they gave systemd; 1 where what should run does not."""
    systemctl(tmp_path, f"cat <<'END'\n{SHOWN.format(state=state)}END", monkeypatch)
    told = tell("service", "status", "--json")
    assert told.code == code
    target, sensor = map(json.loads, told.lines)
    assert target["unit"] == "sensor.target"
    assert sensor["state"] == ("active" if code == 0 else "failed (watchdog)")
    assert (sensor["pid"], sensor["memory"], sensor["restarts"], sensor["says"]) == (
        "4711",
        "116 MiB",
        "2",
        "12,345 packets, 31 devices",
    )
    table = tell("service")
    assert table.code == code
    assert table.lines[0].split("  ")[0] == "UNIT"
    assert len(table.lines) == 3


def test_status_where_nothing_is_installed_or_systemd_does_not_run(
    tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line each with what to do."""
    systemctl(tmp_path, "echo LoadState=not-found", monkeypatch)
    told = tell("service")
    assert (told.code, told.err) == (1, "sensor: no service is installed: sensor service install\n")
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    told = tell("service")
    assert told.code == 3
    assert told.err.startswith("sensor: systemd does not run here")


@as_root
def test_systemd_takes_what_was_written(tell, system: Path) -> None:
    """Units with our own path verify as those of the package do."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    assert tell("service", "install", "--root", str(system)).code == 0
    paths = [str(system / "etc/systemd/system" / name) for name in units.UNITS]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if "sensor" in line]) == (0, [])


def test_program_is_beside_the_interpreter() -> None:
    """Whoever calls it by another path, as a link, gets the same service."""
    assert service._program() == Path(sys.executable).parent / "sensor"
