"""The systemd units: valid, and with as little exposure as documented."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.cli._service_units import COMMAND, UNITS
from sensor.cli.main import parser

SERVICES = tuple(name for name in UNITS if name.endswith(".service"))
PERSISTENT = ("sensor.service", "sensor-forward.service")
# Limit for the result of `systemd-analyze security`: 0 is a service without any access, 10 one with all.
EXPOSURE = 1.5
# The installer is root and writes everywhere, as dpkg does; it has no network.
EXPOSURES = {"sensor-upgrade.service": 2.5}

analysed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "packaging" / "systemd"


def directives(path: Path) -> dict[str, str]:
    """The section [Service]; of repeated keys the last value."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    config.optionxform = str  # type: ignore[assignment]
    config.read(path)
    return dict(config["Service"])


def test_every_unit_is_known_to_the_command(folder: Path) -> None:
    """`sensor service` writes the units of the package."""
    assert {path.name for path in folder.iterdir()} == {*UNITS, "sysusers.conf"}


@analysed
def test_verified(folder: Path, tmp_path: Path) -> None:
    """systemd reports no fault. It requires the program to exist, so it is given another one."""
    for name in UNITS:
        (tmp_path / name).write_text((folder / name).read_text().replace(COMMAND, sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in verified.stderr.splitlines() if "sensor" in line]
    assert (verified.returncode, ours) == (0, [])


@analysed
@pytest.mark.parametrize("name", SERVICES)
def test_exposure(folder: Path, name: str) -> None:
    """At most 1.5 of 10, as computed by systemd; the installer more."""
    limit = EXPOSURES.get(name, EXPOSURE)
    command = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        f"--threshold={limit * 10:.0f}",
        "--no-pager",
        str(folder / name),
    ]
    reported = subprocess.run(command, capture_output=True, text=True, check=False)
    assert reported.returncode == 0, reported.stdout
    found = re.search(
        rf"exposure level for {re.escape(name.replace('@', '@test_instance'))}: ([\d.]+)", reported.stdout
    )
    assert found is not None
    assert float(found[1]) <= limit


def test_the_capturing_unit_sends_nothing_and_the_delivering_unit_receives_nothing(folder: Path) -> None:
    """The capture unit has no Internet socket, the delivery unit no packet socket and no capability."""
    capture, forward = (directives(folder / name) for name in PERSISTENT)
    assert capture["RestrictAddressFamilies"].split() == ["AF_PACKET", "AF_NETLINK", "AF_UNIX"]
    assert capture["IPAddressDeny"] == "any"
    assert capture["CapabilityBoundingSet"] == capture["AmbientCapabilities"] == "CAP_NET_RAW"
    assert forward["RestrictAddressFamilies"].split() == ["AF_UNIX", "AF_INET", "AF_INET6"]
    assert forward["CapabilityBoundingSet"] == ""
    assert "AmbientCapabilities" not in forward


@pytest.mark.parametrize(
    "name", ["sensor-update", "sensor-sync", "sensor-hunt", "sensor-hub@", "sensor-records-upload"]
)
def test_what_has_a_network_is_held_as_delivery_is(folder: Path, name: str) -> None:
    """The sandbox is identical, and so is the user."""
    forward, other = (
        (folder / path).read_text().partition("# No capability")[2].partition("\nLimit")[0]
        for path in (PERSISTENT[1], f"{name}.service")
    )
    assert "ProtectSystem=strict" in other
    assert other == forward
    assert directives(folder / f"{name}.service")["User"] == "sensor"


@pytest.mark.parametrize("name", ["sensor-hunt", "sensor-hub@", "sensor-records-upload"])
def test_a_unit_calls_what_exists(folder: Path, name: str) -> None:
    """It calls a command of the sensor, with a configuration that it reads."""
    words = directives(folder / f"{name}.service")["ExecStart"].removeprefix(f"{COMMAND} ").split()
    args = parser().parse_args(words)
    assert args.command in name
    assert args.config.is_relative_to("/etc/sensor")


def test_the_installer_is_root_without_a_network(folder: Path) -> None:
    """Its paths are those of the command; it starts for an order of the sensor, and for an interrupted upgrade."""
    from sensor.cli._sync_agent import STAGING
    from sensor.upgrades import FOLDER, OPERATOR
    from sensor.upgrades.results import TRIAL
    from sensor.upgrades.staging import ORDER

    upgrade, text = directives(folder / "sensor-upgrade.service"), (folder / "sensor-upgrade.path").read_text()
    assert "User" not in upgrade
    assert (upgrade["PrivateNetwork"], upgrade["IPAddressDeny"]) == ("yes", "any")
    assert f"/var/lib/{upgrade['StateDirectory']}" == str(FOLDER)
    state = directives(folder / "sensor-sync.service")["StateDirectory"]
    assert f"PathExists=/var/lib/{state}/{STAGING}/{ORDER}\n" in text
    assert f"PathExists={FOLDER / TRIAL}\n" in text
    assert f"ConditionPathExists=/etc/sensor/{OPERATOR}\n" in text
    words = upgrade["ExecStart"].removeprefix(f"{COMMAND} ").split()
    args = parser().parse_args(words)
    assert (args.command, args.action, args.folder) == ("upgrade", "install", FOLDER)


def test_what_looks_at_the_state_has_no_network(folder: Path) -> None:
    """Daily scores are recorded without network access; the timer starts with the target."""
    scores, update = (directives(folder / f"sensor-{name}.service") for name in ("posture", "update"))
    assert (scores["PrivateNetwork"], scores["IPAddressDeny"], scores["RestrictAddressFamilies"]) == (
        "yes",
        "any",
        "AF_UNIX",
    )
    network = {"PrivateNetwork", "IPAddressDeny", "RestrictAddressFamilies", "ExecStart", "TimeoutStartSec"}
    assert {key: value for key, value in scores.items() if key not in network} == {
        key: value for key, value in update.items() if key not in network
    }
    assert (
        "Wants=sensor.service sensor-records.service sensor-posture.timer\n" in (folder / "sensor.target").read_text()
    )
    assert "[Install]" not in (folder / "sensor-posture.timer").read_text()


def test_who_writes_records_has_no_network_and_no_right(folder: Path) -> None:
    """It has the sandbox of the units that read the state, and the same user, whose files it reads."""
    records, scores = (directives(folder / f"sensor-{name}.service") for name in ("records", "posture"))
    assert (records["PrivateNetwork"], records["IPAddressDeny"], records["CapabilityBoundingSet"]) == ("yes", "any", "")
    own = {"Type", "NotifyAccess", "ExecStart", "Nice", "IOSchedulingClass", "RestartPreventExitStatus"}
    own |= {key for key in records if key.startswith(("Timeout", "Restart", "Watchdog"))} | {"TimeoutStartSec"}
    assert {key: value for key, value in records.items() if key not in own} == {
        key: value for key, value in scores.items() if key not in own
    }


def test_who_answers_browsers_has_no_right_and_receives_this_host_alone(folder: Path) -> None:
    """It has the sandbox of delivery, with loopback as its only network, and the same user, whose notes it writes."""
    console, forward = (directives(folder / f"sensor-{name}.service") for name in ("console", "forward"))
    assert (console["CapabilityBoundingSet"], console["IPAddressDeny"], console["IPAddressAllow"]) == (
        "",
        "any",
        "localhost",
    )
    own = {
        "ExecStart",
        "Nice",
        "TasksMax",
        "MemoryMax",
        "RestartPreventExitStatus",
        "IPAddressAllow",
        "IPAddressDeny",
        "ImportCredential",
        "ExecReload",
    }
    own |= {
        key
        for key in console.keys() | forward.keys()
        if key.startswith(("Timeout", "Watchdog", "RuntimeDirectory", "LogsDirectory"))
    }
    assert {key: value for key, value in console.items() if key not in own} == {
        key: value for key, value in forward.items() if key not in own
    }


def test_a_mirror_port_takes_one_right(folder: Path) -> None:
    """It may configure interfaces, as a dynamic user, and has no network access."""
    mirror = directives(folder / "sensor-mirror@.service")
    assert mirror["CapabilityBoundingSet"] == mirror["AmbientCapabilities"] == "CAP_NET_ADMIN"
    assert (mirror["DynamicUser"], mirror["IPAddressDeny"]) == ("yes", "any")


def test_both_are_the_same_user_with_the_same_state(folder: Path) -> None:
    """Cursors are beside the log, so that both write to the same folder."""
    capture, forward = (directives(folder / name) for name in PERSISTENT)
    for key in (
        "User",
        "Group",
        "UMask",
        "StateDirectory",
        "StateDirectoryMode",
        "ConfigurationDirectory",
        "RestartPreventExitStatus",
        "Type",
    ):
        assert capture[key] == forward[key]


@pytest.mark.parametrize(
    ("status", "is_open", "restores"),
    [("1", True, True), ("203", True, True), ("KILL", True, True), ("TERM", True, False), ("1", False, False)],
)
def test_the_shell_ends_a_trial_that_the_installer_left_open(
    folder: Path, tmp_path: Path, status: str, is_open: bool, restores: bool
) -> None:
    """Also after exit code 1, with which Python ends if the installed version cannot be imported."""
    from sensor.upgrades.results import TRIAL

    command = directives(folder / "sensor-upgrade.service")["ExecStopPost"]
    shell = shlex.split(command.replace("/var/lib/sensor-upgrade", str(tmp_path)))
    program, called = tmp_path / "dpkg", tmp_path / "called"
    program.write_text(f'#!/bin/sh\necho "$@" > {called}\n')
    program.chmod(0o755)
    if is_open:
        (tmp_path / TRIAL).touch()
    result = "success" if status == "1" else "exit-code"
    environment = {"PATH": f"{tmp_path}:{os.defpath}", "EXIT_STATUS": status, "SERVICE_RESULT": result}
    subprocess.run(shell, env=environment, check=True)
    assert called.exists() == restores
    assert not restores or called.read_text().split()[-2:] == ["--install", f"{tmp_path}/before.deb"]
