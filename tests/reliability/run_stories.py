"""Kill -9 scenario of `sensor run`: a network is replayed over a veth pair, and its records go to a receiver."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.log_cursor import LogCursor
from tests.perf.live import namespaces
from tests.reliability.destinations import Destination
from tests.reliability.harness import ROOT, Account, Forward, Process, account, serving, until, written

CAPTURE = ROOT / "pcaps" / "office.pcapng"
PACKETS_A_SECOND = 500
BACK_S, DRAIN_S = 30, 60


class Listener(Process):
    """`sensor run` in a separate network namespace."""

    starts = subprocess.Popen

    def __init__(self, log: Path, space: str) -> None:
        super().__init__(log.parent, "run")
        self.log, self.space = log, space

    def command(self) -> Sequence[str]:
        return [
            "ip",
            "netns",
            "exec",
            self.space,
            sys.executable,
            "-m",
            "sensor",
            "run",
            "-i",
            "vb",
            "--events",
            str(self.log),
            "--state",
            str(self.log.parent),
        ]

    @property
    def listens(self) -> bool:
        """Whether the kernel delivers packets to it: from then on none is missed."""
        with contextlib.suppress(OSError, IndexError):
            _, *sockets = Path(f"/proc/{self.pid}/net/packet").read_text().splitlines()
            return any(line.split()[4] != "0" and line.split()[5] == "1" for line in sockets)
        return False


class Runs(NamedTuple):
    """``back_s``: from each kill until the kernel delivers packets to the next process; ``reported_s``: until that one
    has logged it.
    """

    kills: int
    events: int
    back_s: list[float]
    reported_s: list[float]
    account: Account


def sensor_killed(folder: Path, to: Destination, kills: int, within_s: float = 2) -> Runs:
    """The sensor is killed at random this often while packets flow, and restarted with the same log and state."""
    log, chance = folder / "events.jsonl", random.Random(3)
    here, there = f"sensor-src-{os.getpid()}", f"sensor-dst-{os.getpid()}"
    sensor, forward = Listener(log, there), Forward(log, [to])
    back, reported = [], []
    with contextlib.ExitStack() as ending:
        ending.enter_context(namespaces(here, there))
        ending.enter_context(serving([to]))
        ending.enter_context(_replayed(here))
        ending.enter_context(sensor)
        ending.enter_context(forward)
        starts = _Starts(log)
        assert until(starts.more, BACK_S), sensor.output.read_text()
        for _ in range(kills):
            time.sleep(chance.uniform(0, within_s))
            began = time.monotonic()
            sensor.kill()
            sensor.start()
            assert until(lambda: sensor.listens, BACK_S), sensor.output.read_text()
            back.append(time.monotonic() - began)
            assert until(starts.more, BACK_S), sensor.output.read_text()
            reported.append(time.monotonic() - began)
        time.sleep(1)
        assert sensor.end(signal.SIGINT) == 0, sensor.output.read_text()
        made = written(log)
        forward.wait(len(made), DRAIN_S)
        starts.close()
        return Runs(kills, len(made), back, reported, account(made, to))


class _Starts:
    """Finds the start records in a log."""

    def __init__(self, log: Path) -> None:
        self._reader = LogCursor(log)

    def more(self) -> bool:
        """Whether a new one was logged since the last call."""
        return any(b'"action":"started"' in line for _, line in self._reader.read(100_000, 1 << 26))

    def close(self) -> None:
        self._reader.close()


@contextlib.contextmanager
def _replayed(space: str) -> Iterator[None]:
    """Replay the capture in a loop."""
    command = [
        "ip",
        "netns",
        "exec",
        space,
        "tcpreplay",
        "-q",
        "--preload-pcap",
        "--loop",
        "0",
        "--pps",
        str(PACKETS_A_SECOND),
        "-i",
        "va",
        str(CAPTURE),
    ]
    player = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        player.kill()
        player.wait()
