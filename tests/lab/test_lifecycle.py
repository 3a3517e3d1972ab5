"""The life of a sensor's state with the real program: a backup during the run, a forgotten device, and a restore after
the stop.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dpkt
import pytest

from tests import forked, namespaces
from tests.lab.test_live import ENVIRONMENT, ROOT, Lab
from tests.waiting import until

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="network namespaces need root and iproute2",
    ),
]

PRINTER, PHONE = "00:17:c8:1a:2b:3c", "80:5e:c0:34:aa:10"


class Sensor:
    """``sensor run`` in the lab, and the other commands on its state."""

    def __init__(self, lab: Lab, state: Path) -> None:
        self._lab, self.state = lab, state
        state.mkdir()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        before = self._begun()
        process = forked.started(
            [sys.executable, "-m", "sensor", "run", "-i", "vb", "--state", str(self.state)],
            first=partial(namespaces.enter, self._lab.there),
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lab.processes.append(process)
        until(lambda: self._begun() > before)
        return process

    def _begun(self) -> int:
        """The number of runs in the log."""
        return sum(
            path.read_bytes().count(b'"action":"started"') for path in self.state.glob("events.segments/*.jsonl")
        )

    @property
    def _env(self) -> dict[str, str]:
        return {**ENVIRONMENT, "SENSOR_STATE": str(self.state), "RUNTIME_DIRECTORY": str(self.state)}

    def report(self, *arguments: str) -> tuple[int, str]:
        done = forked.run(
            [sys.executable, "-m", "sensor", *arguments],
            cwd=ROOT,
            env=self._env,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def macs(self) -> set[str]:
        out = self.report("devices", "--json", "--state", str(self.state))[1]
        return {mac for line in out.splitlines() if line.startswith("{") for mac in json.loads(line).get("macs", ())}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    lab = Lab()
    try:
        one = Sensor(lab, tmp_path / "state")
        with (ROOT / "pcaps" / "office.pcapng").open("rb") as file:
            frames = [frame for _, frame in dpkt.pcapng.Reader(file)]
        for frame in frames:
            if frame[6:12].hex(":") in {PRINTER, PHONE} and frame[12:14] in {b"\x08\x00", b"\x08\x06", b"\x81\x00"}:
                lab.send(frame)
        yield one
    finally:
        lab.close()


def test_copied_forgotten_and_put_back(sensor: Sensor, tmp_path: Path) -> None:
    """A backup is made during the run; a device is forgotten within a second; a restore waits until no process writes,
    and then restores all of it.
    """
    file = tmp_path / "a.tar.zst"
    until(lambda: sensor.macs() >= {PRINTER, PHONE})
    code, output = sensor.report("backup", str(file), "--with-log")
    assert code == 0, output
    code, output = sensor.report("purge", PRINTER, "--yes", "--reason", "asked for it")
    assert code == 0, output
    assert "1 device " in output
    until(lambda: PRINTER not in sensor.macs())
    code, output = sensor.report("restore", str(file))
    assert (code, "another" in output) == (3, True)
    sensor.stop()
    assert PRINTER not in sensor.macs()
    code, output = sensor.report("restore", str(file))
    assert code == 0, output
    assert sensor.macs() >= {PRINTER, PHONE}
    sensor.process = sensor._start()
    sensor.stop()
    numbers = [json.loads(line)["sensor"]["seq"] for line in (sensor.state / "events.jsonl").read_bytes().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
