"""The socket, `sensor status` and `sensor top` of a running sensor: real packets, real processes, a real kill."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import forked, namespaces
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SEND = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'x' * 72, "
    "('127.0.0.1', 9)) for _ in range(50)]"
)
# Ethernet, IPv4 and UDP before 72 bytes.
FRAME = 14 + 20 + 8 + 72


class Sensor:
    """A sensor on loopback of its own network namespace. ``invoke``: run a command of the sensor there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._environment = folder, os.environ | {"SENSOR_STATE": str(folder)}
        options = ["-i", "lo", "--filter", "udp", "--config", str(folder / "sensor.yaml")]
        self.process = forked.started(
            [sys.executable, "-m", "sensor", "run", *options],
            first=namespaces.leave,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        until(self.answers)

    def answers(self) -> bool:
        """Whether it serves its status, and not a previous sensor that left its socket."""
        with socket.socket(socket.AF_UNIX) as requested, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            requested.connect(str(self.folder / "sensor.sock"))
            return True
        return False

    def within(self, *command: str) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=False, env=self._environment)

    def invoke(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return forked.run(
            [sys.executable, "-m", "sensor", *arguments, "--config", str(self.folder / "sensor.yaml")],
            first=partial(namespaces.enter_that_of, self.process.pid),
            capture_output=True,
            text=True,
            env=self._environment,
        )

    def end(self) -> str:
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sensor.yaml").write_text("sensor: {id: hq}\ntelemetry: {listen: '127.0.0.1:9469'}\n")
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[], Sensor]]:
    """Start sensors, which stop with the test."""
    there: list[Sensor] = []

    def started() -> Sensor:
        there.append(Sensor(folder))
        return there[-1]

    yield started
    for one in there:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture
def sensor(start: Callable[[], Sensor]) -> Sensor:
    return start()


def test_numbers_of_real_packets(sensor: Sensor, folder: Path) -> None:
    """Prometheus (loopback and socket), status and top show the sent packets; the stop removes the socket."""
    sensor.within(sys.executable, "-ISc", SEND)
    fetch = (
        "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9469/metrics', "
        "timeout=10).read().decode())"
    )
    counted, texts = 'sensor_packets_total{interface="lo"} 50\n', [""]

    def fetched() -> bool:
        texts.append(sensor.within(sys.executable, "-ISc", fetch).stdout)
        return counted in texts[-1]

    until(fetched, apart_s=0.2)
    text = texts[-1]
    assert f"\nsensor_wire_bytes_total {50 * FRAME}\n" in text
    assert '\nsensor_packets_dropped_total{interface="lo"} 0\n' in text
    assert re.search(r"\nprocess_resident_memory_bytes [1-9]\d{7,8}\n", text)
    reported = sensor.invoke("status")
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert "lo                        50 packets, 0 lost" in reported.stdout
    status = json.loads(sensor.invoke("status", "--json").stdout)
    assert (status["running"], status["sensor"]["id"], status["process"]["pid"]) == (True, "hq", sensor.process.pid)
    assert "lo                 0       50     0" in sensor.invoke("top", "--once").stdout
    assert len(sensor.end().splitlines()) == 2  # capture interface and counters
    assert not (folder / "sensor.sock").exists()
    assert sensor.process.returncode == 0


def test_after_a_kill(start: Callable[[], Sensor], sensor: Sensor, folder: Path) -> None:
    """The socket that a killed sensor left has no server: status reports it, and the next sensor replaces it."""
    until(lambda: '"started"' in (folder / "events.jsonl").read_text())
    sensor.process.kill()
    sensor.process.wait()
    assert (folder / "sensor.sock").is_socket()
    reported = forked.run(
        [sys.executable, "-m", "sensor", "status", "--state", str(folder)],
        capture_output=True,
        text=True,
        env=os.environ | {"SENSOR_STATE": str(folder)},
    )
    assert reported.returncode == 1
    assert "capturing on lo" in reported.stdout
    again = start()
    reported = again.invoke("status")
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert "not served" not in again.end()


def test_two_at_one_place(sensor: Sensor, folder: Path) -> None:
    """The first keeps socket and port; the second reports what it lacks, and captures."""
    (folder / "second.yaml").write_text(
        f"state: {folder / 'second'}\nevents: {folder / 'second.jsonl'}\ntelemetry: {{socket: "
        f"{folder / 'sensor.sock'}}}\n"
    )
    with forked.started(
        [sys.executable, "-m", "sensor", "run", "-i", "lo", "--config", str(folder / "second.yaml")],
        first=partial(namespaces.enter_that_of, sensor.process.pid),
        stderr=subprocess.PIPE,
        text=True,
    ) as second:
        log = folder / "second.jsonl"
        until(lambda: log.exists() and '"started"' in log.read_text())
        second.send_signal(signal.SIGINT)
        (line,) = [one for one in second.communicate(timeout=60)[1].splitlines() if str(folder / "sensor.sock") in one]
        assert line.endswith(" [sensor.no-telemetry]")
    assert sensor.invoke("status").returncode == 0


def test_its_own_log_follows_the_configuration(start: Callable[[], Sensor], folder: Path) -> None:
    """The process log changes its format at the reload; a shortened list is reported in each."""
    path, config = folder / "bad.txt", "intel: [bad.txt]\nlogging: {format: FORM}\n"
    path.write_text("".join(f"203.0.113.{number}\n" for number in range(40)) + "nonsense???\n")
    (folder / "sensor.yaml").write_text(config.replace("FORM", "json"))
    sensor = start()
    until(lambda: '"started"' in (folder / "events.jsonl").read_text())
    path.write_text("203.0.113.1\n")
    until(lambda: "the old list is kept" in (folder / "events.jsonl").read_text())
    (folder / "sensor.yaml").write_text(config.replace("FORM", "console"))
    sensor.process.send_signal(signal.SIGHUP)
    until(lambda: json.loads(sensor.invoke("status", "--json").stdout)["configuration"]["reloads"] == 1, apart_s=0.2)
    path.write_text("203.0.113.2\n")
    until(lambda: (folder / "events.jsonl").read_text().count("the old list is kept") == 4)  # twice in a record
    first, *others = sensor.end().splitlines()
    assert json.loads(first)["event"] == "skipped"
    assert "bad.txt:41:1" in json.loads(first)["line"]
    assert [line.startswith("{") for line in others if "old list" in line] == [True, False]
