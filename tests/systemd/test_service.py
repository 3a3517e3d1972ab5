"""The life of a sensor on a real Debian under a real systemd: installed, started, reloaded, killed, hung, stopped,
upgraded, removed.

The tests use one machine, in their order; `make test-systemd` builds the package and runs them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import OUTSIDE, PORT, Machine, booted, missing, wait

ROOT = Path(__file__).resolve().parents[2]
CAPTURE = ROOT / "pcaps" / "office.pcapng"
UNITS = ("sensor.target", "sensor.service", "sensor-forward.service")
# Units that ``sensor.target`` does not start: each is enabled on its own.
APART = {
    "sensor-console.service", "sensor-hunt.service", "sensor-records-upload.service", "sensor-sync.service",
    "sensor-update.timer", "sensor-upgrade.path",
}  # fmt: skip
PACKAGE = "passive-network-sensor"
# From `apt install` to the first device at the receiver.
FIRST_DEVICE_S = 120

wanted = bool(os.environ.get("SENSOR_SYSTEMD"))
pytestmark = pytest.mark.skipif(
    not wanted or bool(missing()), reason=missing() if wanted else "`make test-systemd` runs these"
)


def package() -> Path:
    """The last package that `make deb` built."""
    return max((ROOT / "dist").glob(f"{PACKAGE}_*.deb"), key=lambda path: path.stat().st_mtime)


def settled(machine: Machine, unit: str) -> bool:
    return machine.show(unit, "ActiveState") == "active"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(tmp_path_factory.mktemp("machine")) as one:
        shutil.copy(package(), one.root / "root" / "sensor.deb")
        one.begun = time.monotonic()
        yield one


def test_installing_brings_nothing_else_and_starts_nothing(machine: Machine) -> None:
    """A Debian with Python needs no other package; a user and a private configuration are created, and no unit is
    enabled.
    """
    reported = machine.run("apt-get", "install", "--yes", "--no-install-recommends", "/root/sensor.deb").stdout
    assert "0 upgraded, 1 newly installed, " in reported
    assert "systemctl enable --now" in reported
    assert machine.run("stat", "--format=%U %G %a", "/etc/sensor").stdout.split() == ["root", "sensor", "750"]
    assert {machine.show(unit, "UnitFileState") for unit in (*UNITS, "sensor-update.timer")} == {"disabled"}
    assert {machine.show(unit, "ActiveState") for unit in UNITS} == {"inactive"}
    assert machine.run("sensor", "--version").stdout.startswith("sensor ")
    assert machine.run("sensor", "config", "check").returncode == 0
    assert (
        machine.run(
            "systemd-analyze", "verify", "--man=no", *UNITS, "sensor-update.timer", "sensor-mirror@mirror0.service"
        ).stderr
        == ""
    )


def test_a_mirror_port_is_made_ready_and_silent(machine: Machine) -> None:
    """The interface is up and promiscuous, without ARP, addresses and offloads; no other privilege is needed."""
    machine.run("ethtool", "-K", "mirror0", "gro", "on")
    machine.run("systemctl", "enable", "--now", "sensor-mirror@mirror0")
    (link,) = json.loads(machine.run("ip", "-json", "address", "show", "dev", "mirror0").stdout)
    assert {"UP", "PROMISC", "NOARP"} <= set(link["flags"])
    assert link["addr_info"] == []
    assert machine.run("cat", "/proc/sys/net/ipv6/conf/mirror0/disable_ipv6").stdout == "1\n"
    assert "generic-receive-offload: off" in machine.run("ethtool", "--show-features", "mirror0").stdout
    assert machine.show("sensor-mirror@mirror0", "Result") == "success"


def test_first_device_within_two_minutes(machine: Machine) -> None:
    """The mirror port is proposed; a secret is passed as a credential; the first device reaches the
    receiver outside.
    """
    machine.run("sensor", "config", "init", "--yes", "--force")
    machine.write("/etc/credstore/sensor.upstream", "a-secret\n")
    url = f"http://{OUTSIDE}:{PORT}/events"
    machine.write(
        "/etc/sensor/conf.d/10-upstream.yaml",
        f'outputs: {{upstream: {{type: http, url: "{url}", token: "credential:sensor.upstream"}}}}\n',
    )
    machine.run("systemctl", "enable", "--now", "sensor.target", "sensor-forward.service")
    assert all(settled(machine, unit) for unit in UNITS)
    machine.replay(CAPTURE)
    wait(
        lambda: bool(machine.events(kind="device", action="new")),
        60,
        lambda: machine.journal("sensor") + machine.journal("sensor-forward"),
    )
    took = time.monotonic() - machine.begun
    print(f"from apt install to the first device: {took:.0f} s")
    assert took < FIRST_DEVICE_S
    assert set(machine.logins.read_text().splitlines()) == {"Bearer a-secret"}


def test_whoever_looks_sees_a_sensor_that_is_well(machine: Machine) -> None:
    """Its socket, systemd and the self-test show its state; members of its group need not name its folder."""
    assert machine.run("sensor", "status").stdout.startswith("sensor ")
    reported = {
        one["unit"]: one for one in map(json.loads, machine.run("sensor", "service", "--json").stdout.splitlines())
    }
    assert {unit for unit, one in reported.items() if one["state"] != "active"} == APART
    wait(lambda: "devices" in machine.show("sensor", "StatusText"), 30)
    machine.run("useradd", "--create-home", "--groups", "sensor", "anna")
    assert machine.run("runuser", "-u", "anna", "--", "sensor", "status").stdout.startswith("sensor ")
    assert len(machine.run("runuser", "-u", "anna", "--", "sensor", "devices", "--json").stdout.splitlines()) > 3
    assert machine.run("sensor", "selftest").stdout.rstrip().endswith("no problems")


@pytest.mark.parametrize("unit", ["sensor", "sensor-forward"])
def test_no_process_keeps_a_privilege(machine: Machine, unit: str) -> None:
    """Both run as the user sensor, without capabilities or a way to gain them, with a filter of system calls."""
    status = machine.run("cat", f"/proc/{machine.pid(unit)}/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = machine.run("id", "--user", "sensor").stdout.strip()
    assert set(fields["Uid"].split()) == {user}
    assert {int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapAmb", "CapInh")} == {0}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_reload_takes_up_what_changed(machine: Machine) -> None:
    """The process continues without a gap, and a record reports the reload."""
    before, pid = len(machine.events(kind="sensor", action="config")), machine.pid("sensor")
    machine.write("/etc/sensor/conf.d/20-networks.yaml", "networks: [203.0.113.0/24]\n")
    machine.run("systemctl", "reload", "sensor")
    wait(lambda: len(machine.events(kind="sensor", action="config")) > before, 30, lambda: machine.journal("sensor"))
    assert machine.pid("sensor") == pid
    assert settled(machine, "sensor")


def test_reload_of_a_broken_configuration_changes_nothing(machine: Machine) -> None:
    """The fault is reported with file and line, in the journal and in an event, and both processes continue."""
    pids = [machine.pid(unit) for unit in ("sensor", "sensor-forward")]
    machine.write("/etc/sensor/conf.d/30-broken.yaml", "# a slip\noutputs: {upstream: {packng: gzip}}\n")
    try:
        machine.run("systemctl", "reload", "sensor", "sensor-forward")
        for unit in ("sensor", "sensor-forward"):
            wait(lambda: "30-broken.yaml:2" in machine.journal(unit), 30, lambda: machine.journal(unit))  # noqa: B023 called at once
    finally:
        (machine.root / "etc/sensor/conf.d/30-broken.yaml").unlink()
    assert [machine.pid(unit) for unit in ("sensor", "sensor-forward")] == pids
    machine.run("systemctl", "reload", "sensor", "sensor-forward")


@pytest.mark.parametrize("unit", ["sensor", "sensor-forward"])
def test_killed_it_comes_back(machine: Machine, unit: str) -> None:
    """It restarts within seconds and continues: the receiver misses no number."""
    pid = machine.pid(unit)
    machine.run("sh", "-c", f"kill -KILL {pid}")
    wait(lambda: machine.pid(unit) not in (pid, "0") and settled(machine, unit), 30, lambda: machine.journal(unit))
    assert machine.show(unit, "NRestarts") == "1"
    machine.replay(CAPTURE)
    got = len(machine.events())
    wait(lambda: len(machine.events()) > got, 60, lambda: machine.journal("sensor-forward"))
    numbers = {one["sensor"]["seq"] for one in machine.events()}
    assert numbers == set(range(1, max(numbers) + 1))


@pytest.mark.parametrize("unit", ["sensor", "sensor-forward"])
def test_hung_it_is_started_again(machine: Machine, unit: str) -> None:
    """By the watchdog, here after three seconds instead of a minute."""
    machine.write(
        f"/etc/systemd/system/{unit}.service.d/watchdog.conf", "[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\n"
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", unit)
    time.sleep(6)  # the watchdog is notified meanwhile
    assert machine.show(unit, "NRestarts") == "0"
    pid = machine.pid(unit)
    machine.run("sh", "-c", f"kill -STOP {pid}")
    wait(lambda: machine.pid(unit) not in (pid, "0") and settled(machine, unit), 30, lambda: machine.journal(unit))
    assert "watchdog" in machine.journal(unit).lower()
    (machine.root / f"etc/systemd/system/{unit}.service.d/watchdog.conf").unlink()
    machine.run("systemctl", "daemon-reload")


def test_what_root_does_beside_it_takes_nothing_from_it(machine: Machine) -> None:
    """Root reads and writes the state while it runs; afterwards all files still belong to the
    sensor, and it restarts.
    """
    machine.run("sensor", "devices")
    machine.run("sensor", "mute", "add", "--detector", "discovery.*", "--for", "1h", "--reason", "a test")
    machine.run("sensor", "outputs", "replay", "upstream", "--since", "1h", "--config", "/etc/sensor/sensor.yaml")
    machine.write("/root/bad.txt", "198.51.100.66\n")
    machine.run("sensor", "intel", "add", "/root/bad.txt", "--name", "ours")
    foreign = machine.run("find", "/var/lib/sensor", "!", "-user", "sensor").stdout
    assert foreign == ""
    machine.run("systemctl", "restart", "sensor", "sensor-forward")
    assert all(settled(machine, unit) for unit in UNITS)


def test_a_timer_takes_lists_again(machine: Machine) -> None:
    """Without a list there is no request; a changed list is loaded by the sensor. The timer's service has no
    privileges.
    """
    machine.write("/etc/sensor/bad.txt", "198.51.100.66\n")
    machine.run("sensor", "intel", "remove", "ours")
    machine.run("rm", "/var/lib/sensor/intel/lists.yaml")
    machine.run("systemctl", "start", "sensor-update.service")
    assert machine.show("sensor-update.service", "ConditionResult") == "no"
    machine.run("sensor", "intel", "add", "/etc/sensor/bad.txt", "--name", "ours")
    machine.write("/etc/sensor/bad.txt", "198.51.100.66\n198.51.100.67\n")
    machine.run("systemctl", "start", "sensor-update.service")
    assert machine.show("sensor-update.service", "Result") == "success", machine.journal("sensor-update")
    assert machine.run("sensor", "intel", "check", "198.51.100.67").returncode == 0
    machine.run("systemctl", "enable", "--now", "sensor-update.timer")
    assert machine.show("sensor-update.timer", "NextElapseUSecRealtime")
    machine.run("systemctl", "disable", "--now", "sensor-update.timer")


def test_scores_of_the_day_are_recorded(machine: Machine) -> None:
    """The timer starts with the target, and its service has no network access."""
    assert machine.show("sensor-posture.timer", "ActiveState") == "active"
    machine.run("systemctl", "start", "sensor-posture.service")
    assert machine.show("sensor-posture.service", "Result") == "success"
    assert "of 100" in machine.journal("sensor-posture")
    assert machine.run("stat", "--format=%U", "/var/lib/sensor/posture.jsonl").stdout == "sensor\n"
    assert machine.run("sensor", "posture", "trend").stdout


def test_stopped_it_reports_so(machine: Machine) -> None:
    """The target stops all units within five seconds, and the log has the final records."""
    begun = time.monotonic()
    machine.run("systemctl", "stop", "sensor.target")
    wait(
        lambda: {machine.show(unit, "ActiveState") for unit in UNITS} == {"inactive"},
        5 - (time.monotonic() - begun),
        lambda: machine.journal("sensor"),
    )
    assert '"action":"stopped"' in machine.run("sensor", "tail", "--json", "-n", "1").stdout
    machine.run("systemctl", "start", "sensor.target", "sensor-forward.service")
    assert all(settled(machine, unit) for unit in UNITS)


def test_upgrade_goes_on_with_what_it_knows(machine: Machine, tmp_path: Path) -> None:
    """After an upgrade the processes are new, and configuration and devices are kept."""
    devices = machine.run("sensor", "devices", "--json").stdout.splitlines()
    assert devices
    pids = {machine.pid(unit) for unit in ("sensor", "sensor-forward")}
    newer(package(), tmp_path / "tree", machine.root / "root" / "newer.deb")
    machine.run("apt-get", "install", "--yes", "--no-install-recommends", "/root/newer.deb")
    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", PACKAGE).stdout == "99.0"
    wait(lambda: all(settled(machine, unit) for unit in UNITS), 30)
    assert pids.isdisjoint({machine.pid(unit) for unit in ("sensor", "sensor-forward")})
    assert "interfaces: [mirror0]" in machine.run("cat", "/etc/sensor/sensor.yaml").stdout
    assert len(machine.run("sensor", "devices", "--json").stdout.splitlines()) == len(devices)


def newer(old: Path, tree: Path, to: Path) -> None:
    """The same package with a higher version."""
    subprocess.run(["dpkg-deb", "--raw-extract", str(old), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    lines = ["Version: 99.0" if line.startswith("Version:") else line for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(to)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_removal_keeps_and_purge_takes(machine: Machine) -> None:
    """After removal nothing runs, and the state is kept; after a purge it is deleted as well, and systemd reports no
    failed unit.
    """
    machine.run("apt-get", "remove", "--yes", PACKAGE)
    assert {machine.show(unit, "LoadState") for unit in UNITS} == {"not-found"}
    assert not (machine.root / "usr/lib/sensor").exists()
    assert (machine.root / "var/lib/sensor/inventory.db").exists()
    machine.run("apt-get", "purge", "--yes", PACKAGE)
    assert not [
        path
        for path in ("var/lib/sensor", "var/log/sensor", "etc/sensor", "etc/systemd/system/sensor.target.wants")
        if (machine.root / path).exists()
    ]
    assert machine.run("find", "/etc/systemd/system", "-type", "l", "-name", "sensor*").stdout == ""
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


def test_the_same_without_the_package(machine: Machine, tmp_path: Path) -> None:
    """From a wheel in /opt: `sensor service` writes the units, shows their state, and removes them."""
    subprocess.run(["dpkg-deb", "--extract", str(package()), str(tmp_path)], check=True)
    there = machine.root / "opt/sensor"
    shutil.copytree(tmp_path / "usr/lib/sensor", there, symlinks=True)
    program = there / "bin/sensor"
    program.write_text(program.read_text().replace("#!/usr/lib/sensor/", "#!/opt/sensor/", 1))
    command = "/opt/sensor/bin/sensor"
    assert machine.run(command, "service", check=False).returncode == 1
    machine.run(command, "service", "install")
    machine.run(command, "config", "init", "--yes", "--force")
    machine.run("systemctl", "enable", "--now", "sensor.target")
    assert settled(machine, "sensor"), machine.journal("sensor")
    reported = [json.loads(line) for line in machine.run(command, "service", "--json").stdout.splitlines()]
    started = {one["unit"] for one in reported if one["state"] == "active"}
    assert started == {"sensor.target", "sensor.service", "sensor-records.service", "sensor-posture.timer"}
    assert {one["unit"] for one in reported} - started == APART | {"sensor-forward.service"}
    assert next(one["status_text"] for one in reported if one["unit"] == "sensor.service") == "capturing on mirror0"
    machine.run(command, "service", "uninstall")
    assert {machine.show(unit, "LoadState") for unit in UNITS} == {"not-found"}
    assert (machine.root / "var/lib/sensor/inventory.db").exists()
