"""``sensor doctor``: on captures, with invalid arguments, and on real interfaces between network namespaces."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import forked, namespaces
from tests.capture.captures import Frame, pcap
from tests.doctor.office import mac, office
from tests.golden import Golden
from tests.processes import wait_until_idle

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="interfaces are read from the Linux kernel")
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

SENDER = """
import json, socket, sys, time
from tests.processes import wait_until_idle
name, frames = json.load(sys.stdin)
frames = [bytes.fromhex(frame) for frame in frames]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
    sock.bind((name, 0))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for frame in frames:
            sock.send(frame)
            time.sleep(0.002)
"""


def capture(folder: Path, frames: list[tuple[int, bytes]]) -> str:
    path = folder / "office.pcap"
    path.write_bytes(pcap([Frame(ts, frame) for ts, frame in sorted(frames)]))
    return str(path)


# Captures and arguments.


def test_a_capture_that_is_well(golden: Golden, run_cli, tmp_path: Path) -> None:
    """A good capture gives one line for each finding, and their number."""
    path = capture(tmp_path, office())
    result = run_cli("doctor", "--file", path)
    assert (result.code, result.err) == (0, "")
    golden(result.lines[0])
    golden(result.lines[-1])


def test_a_capture_from_a_bad_mirror(run_cli, tmp_path: Path) -> None:
    """Warnings give exit code 0; in JSON each is one object with its advice and numbers."""
    path = capture(tmp_path, office() + [(ts + 200_000, frame) for ts, frame in office()])
    result = run_cli("doctor", "--file", path, "--json")
    found = {one["check"]: one for one in map(json.loads, result.lines)}
    assert result.code == 0
    assert {name for name, one in found.items() if one["level"] != "ok"} == {"repeats"}
    assert found["repeats"]["facts"] == {"repeats": 240, "of": 480, "share": 0.5}
    assert found["repeats"]["subject"] == path
    assert run_cli("doctor", "--file", path).lines[-1].endswith("checks: 1 warning")


def test_a_capture_of_nothing(run_cli, tmp_path: Path) -> None:
    """An empty capture is an error: exit code 1."""
    result = run_cli("doctor", "--file", capture(tmp_path, []))
    assert (result.code, result.lines[-1]) == (1, "1 check: 1 error")


def test_a_capture_that_is_none(run_cli, tmp_path: Path) -> None:
    """A file that is not a capture is reported in one line; exit code 3."""
    (tmp_path / "x.pcap").write_text("no capture")
    for path in (tmp_path / "x.pcap", tmp_path / "nothing.pcap"):
        result = run_cli("doctor", "--file", str(path))
        assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
        assert str(path) in result.err


def test_a_capture_that_ends_early(run_cli, tmp_path: Path) -> None:
    """The packets before the damage are checked; the code is that of other commands."""
    path = Path(capture(tmp_path, office()))
    path.write_bytes(path.read_bytes()[:-5])
    result = run_cli("doctor", "--file", str(path))
    assert (result.code, result.errors) == (0, ("capture.damaged",))


def test_networks_of_the_configuration(run_cli, tmp_path: Path) -> None:
    """Networks of the configuration are internal."""
    path = capture(tmp_path, office("203.0.113"))
    (tmp_path / "sensor.yaml").write_text("networks: [203.0.113.0/24]\n")
    assert "inside: 240 of 240 frames" in run_cli("doctor", "--file", path).out
    assert (
        run_cli("doctor", "--file", path, "--config", str(tmp_path / "sensor.yaml")).lines[-1].endswith("no problems")
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--seconds", "0"], "usage.invalid-value"),
        (["--seconds", "nan"], "usage.invalid-value"),
        (["--file", "a.pcap", "-i", "eth0"], "usage.conflicting-options"),
    ],
)
def test_invalid_arguments(golden: Golden, run_cli, arguments: list[str], code: str) -> None:
    """Invalid arguments give exit code 2, before any check."""
    result = run_cli("doctor", *arguments)
    assert (result.code, result.out, result.errors) == (2, "", (code,))
    golden(result.err)


def test_a_broken_configuration(run_cli, tmp_path: Path) -> None:
    """An invalid configuration is reported with its place; exit code 2."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture:\n  interface: eth0\n")
    result = run_cli("doctor", "--config", str(path))
    assert result.code == 2
    assert result.err.startswith(f"{path}:2:3: ")


@linux
def test_an_interface_that_is_not_there(run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing interface is an error; its name is sanitized, the other checks run, and nothing is captured."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    result = run_cli("doctor", "-i", "no\x1b[31m", "--seconds", "1")
    assert result.code in (1, 4)
    assert "\x1b" not in result.out
    assert "error    no [31m: interface: no interface has this name → list interfaces" in result.out
    assert any(line.split(": ")[1] == "writable" for line in result.lines[:-1])
    assert ": traffic: " not in result.out


@linux
def test_outputs_of_the_configuration(run_cli, tmp_path: Path) -> None:
    """Outputs are checked as by `sensor outputs check`; an unreachable one is an error."""
    (tmp_path / "file").write_text("")
    outputs = (
        f"outputs:\n  good: {{type: file, path: {tmp_path / 'out.jsonl'}}}\n  bad: {{type: file, path: "
        f"{tmp_path / 'file' / 'out.jsonl'}}}\n"
    )
    (tmp_path / "sensor.yaml").write_text(f"state: {tmp_path}\n{outputs}")
    result = run_cli("doctor", "-i", "nosuch0", "--json", "--config", str(tmp_path / "sensor.yaml"))
    found = [json.loads(line) for line in result.lines]
    levels = {one["subject"]: one["level"] for one in found if one["check"].startswith("output_")}
    assert levels == {"good": "ok", "bad": "error"}


@linux
def test_colours_are_for_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile name cannot set colours."""
    from sensor.cli._doctor_text import finding_line
    from sensor.doctor.finding import Finding

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = io.StringIO()
    one = Finding("interface", "e\x1b[7m", "error", "it is down", "ip link set e up")
    assert finding_line(one, terminal) == "error    e [7m: interface: it is down → ip link set e up"
    terminal.isatty = lambda: True
    assert finding_line(one, terminal) == "\x1b[31merror  \x1b[0m  e [7m: interface: it is down → ip link set e up"


# Real interfaces.


class Lab:
    """``va`` on the test side, ``vb`` on the doctor's side, both up and idle."""

    def __init__(self, state: Path) -> None:
        self.here, self.there = f"doctor-a-{os.getpid()}", f"doctor-b-{os.getpid()}"
        self.state, self.senders = state, list[subprocess.Popen[str]]()
        for space in (self.here, self.there):
            self.ip("netns", "add", space)
            self.ip("netns", "exec", space, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.ip("-n", self.here, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", self.there)
        self.ip("-n", self.here, "link", "set", "va", "arp", "off", "up")
        self.ip("-n", self.there, "link", "set", "vb", "arp", "off", "up")

    def ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def send(self, frames: list[bytes]) -> None:
        """Sends a frame every two milliseconds until the lab closes."""
        command = ["ip", "netns", "exec", self.here, sys.executable, "-c", SENDER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        json.dump(["va", [frame.hex() for frame in frames]], process.stdin)
        process.stdin.close()
        self.senders.append(process)

    def start(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sensor", "doctor", *arguments]
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
        given["env"] = ENVIRONMENT | {"SENSOR_STATE": str(self.state)}
        if before:
            return subprocess.Popen(["ip", "netns", "exec", self.there, *before, *command], **given)
        return forked.started(command, first=partial(namespaces.enter, self.there), **given)

    def doctor(self, *arguments: str, before: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
        """The exit code, and the findings by check."""
        process = self.start("--seconds", "1.5", "--json", *arguments, before=before)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, {one["check"]: one for one in map(json.loads, out.splitlines())}

    def close(self) -> None:
        for process in self.senders:
            process.kill()
            process.wait()
        for space in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", space], check=False)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    try:
        yield lab
    finally:
        lab.close()


FRAMES = [frame for _, frame in office()]


def bad(found: dict[str, Any]) -> dict[str, str]:
    """Findings that are not ok, except clock and disk, which are those of the machine that runs the test."""
    return {
        name: one["level"]
        for name, one in found.items()
        if one["level"] != "ok" and name not in ("clock", "space", "disk_speed")
    }


@pytest.mark.lab
def test_an_interface_with_traffic(lab: Lab) -> None:
    """All is ok: the interface, which is found because it is up, the permissions, and the traffic."""
    lab.send(FRAMES)
    code, found = lab.doctor()
    assert (code, bad(found)) == (0, {})
    assert found["promiscuous"]["level"] == found["capture_clock"]["level"] == found["own_drops"]["level"] == "ok"
    assert found["traffic"]["facts"]["packets"] > 100
    assert found["mirror"]["facts"]["own"] == 0


@pytest.mark.lab
def test_an_interface_that_is_set_badly(golden: Golden, lab: Lab) -> None:
    """Offloads that merge frames, duplicate frames, and VLAN tags that the kernel strips from the frame are detected;
    the tags are still read.
    """
    if shutil.which("ethtool") is None:
        pytest.skip("not installed: ethtool")
    lab.ip("netns", "exec", lab.there, "ethtool", "-K", "vb", "gro", "on")
    lab.send([frame for _, frame in office(vlan=42) for _ in range(2)])
    code, found = lab.doctor()
    assert (code, bad(found)) == (0, {"offloads": "warning", "repeats": "warning"})
    assert found["offloads"]["advice"] == "ethtool -K vb gro off"
    golden(found["vlan_tags"]["found"])


@pytest.mark.lab
def test_a_port_that_is_no_mirror(lab: Lab) -> None:
    """A port that only sees frames to this machine, and no broadcasts, is reported."""
    address = Path("/sys/class/net/vb/address")
    own = subprocess.run(
        ["ip", "netns", "exec", lab.there, "cat", str(address)], capture_output=True, text=True, check=True
    ).stdout.strip()
    server = mac("10.0.0.200").to_bytes(6, "big")
    lab.send([bytes.fromhex(own.replace(":", "")) + frame[6:] for frame in FRAMES if frame[:6] == server])
    code, found = lab.doctor()
    assert code == 0
    assert {"mirror": "warning", "broadcast": "warning"}.items() <= bad(found).items()
    assert "of this host" in found["mirror"]["found"]


@pytest.mark.lab
def test_a_silent_interface_and_one_that_is_down(lab: Lab) -> None:
    """An idle interface and one that is down are errors: exit code 1. The second is not captured."""
    code, found = lab.doctor("-i", "vb")
    assert (code, bad(found)) == (1, {"traffic": "error"})
    lab.ip("-n", lab.there, "link", "set", "vb", "down")
    began = time.monotonic()
    code, found = lab.doctor("-i", "vb", "--seconds", "30")
    assert (code, bad(found)) == (1, {"interface": "error"})
    assert found["interface"]["advice"] == "ip link set vb up"
    assert time.monotonic() - began < 28  # a capture would take thirty seconds
    lab.ip("-n", lab.there, "link", "set", "vb", "up")
    lab.ip("-n", lab.here, "link", "set", "va", "down")
    assert lab.doctor("-i", "vb")[1]["interface"]["found"].startswith("no carrier")


@pytest.mark.lab
def test_no_permission_to_listen(lab: Lab) -> None:
    """Missing permission gives exit code 4; checks that need no capture still run."""
    if shutil.which("setpriv") is None:
        pytest.skip("not installed: setpriv")
    code, found = lab.doctor(before=("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"))
    assert (code, bad(found)) == (4, {"permission": "error"})
    assert "cap_net_raw" in found["permission"]["advice"]
    assert found["interface"]["level"] == "ok"


@pytest.mark.lab
def test_a_listener_who_has_received_enough(lab: Lab) -> None:
    """Ctrl-C ends the capture, and what was seen so far is reported."""
    lab.send(FRAMES)
    process = lab.start("-i", "vb", "--seconds", "600")
    for line in process.stdout:
        if ": permission: " in line:
            break
    wait_until_idle(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "ok       vb: traffic: " in out
    assert " checks: " in out.splitlines()[-1]


@pytest.mark.lab
def test_a_filter_that_is_none(lab: Lab, tmp_path: Path) -> None:
    """An invalid filter is reported in one line, exit code 2."""
    (tmp_path / "sensor.yaml").write_text("capture: {interfaces: [vb], filter: 'port port'}\n")
    process = lab.start("--config", str(tmp_path / "sensor.yaml"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert "ok       vb: interface: " in out
