"""Live capture at fixed rates: a replayer in one network namespace, the sensor in another, a veth pair between them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.perf.runs import ENVIRONMENT

RATES = (50_000, 100_000, 200_000, 300_000)
"""Packets/s that are asked of tcpreplay."""

SETTLE_S, LIMIT_S = 2.0, 180


class Received(NamedTuple):
    """``sent``, ``speed`` (packets/s) by tcpreplay; the rest by the sensor: packets, packets dropped by the kernel,
    shed messages, CPU seconds.
    """

    sent: int
    speed: int
    seen: int
    dropped: int
    shed: int
    cpu: float


def lacking(tools: Sequence[str] = ("ip", "tcpreplay")) -> str:
    """The reason why it cannot be measured here; empty if it can."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"needs root{', ' + ', '.join(missing) if missing else ''}" if os.geteuid() or missing else ""


def one_run(path: Path, rate: int, sensor: str) -> Received:
    """One replay at ``rate`` packets/s into ``sensor run`` with its default ring. ``sensor``: the command of the state
    that captures.
    """
    here, there = f"sensor-src-{os.getpid()}", f"sensor-dst-{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder, namespaces(here, there):
        log, config = Path(folder) / "events.jsonl", Path(folder) / "sensor.yaml"
        config.write_text(f"state: {folder}\n")
        command = [
            "ip",
            "netns",
            "exec",
            there,
            sensor,
            "run",
            "-i",
            "vb",
            "--events",
            str(log),
            "--config",
            str(config),
        ]
        listener = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd=folder
        )
        try:
            wait_for(lambda: log.exists() and b'"started"' in log.read_bytes())
            time.sleep(1)
            tool = [
                "ip",
                "netns",
                "exec",
                here,
                "tcpreplay",
                "-q",
                "--preload-pcap",
                "-i",
                "va",
                f"--pps={rate}",
                str(path),
            ]
            reported = subprocess.run(tool, capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout
            time.sleep(SETTLE_S)
        finally:
            listener.send_signal(signal.SIGINT)
            _, _, usage = os.wait4(listener.pid, 0)
            listener.returncode = 0
        summary = next(json.loads(line) for line in reversed(log.read_bytes().splitlines()) if b'"summary"' in line)[
            "capture"
        ]
    sent = int(re.findall(r"Actual: (\d+) packets", reported)[0])
    speed = int(float(re.findall(r"([\d.]+) pps", reported)[0]))
    return Received(
        sent, speed, summary["packets"], summary["dropped"], summary["shed"], usage.ru_utime + usage.ru_stime
    )


@contextlib.contextmanager
def namespaces(here: str, there: str) -> Iterator[None]:
    """Two network namespaces connected by a veth pair without addresses; removed at the end."""
    commands = [
        ["ip", "netns", "add", here],
        ["ip", "netns", "add", there],
        ["ip", "-n", here, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", there],
    ]
    for space, end in ((here, "va"), (there, "vb")):
        commands.append(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
        commands.append(["ip", "-n", space, "link", "set", end, "mtu", "2000", "arp", "off", "promisc", "on", "up"])
    try:
        for command in commands:
            subprocess.run(command, check=True)
        yield
    finally:
        for space in (here, there):
            subprocess.run(["ip", "netns", "del", space], check=False)


def wait_for(ready: object, seconds: float = 60) -> None:
    """Wait until ``ready()`` is true. TimeoutError if it never is."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"not ready after {seconds:.0f} s")
        time.sleep(0.05)
