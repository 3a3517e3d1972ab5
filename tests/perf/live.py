"""Live capture at full speed: a replayer in one network namespace, the sensor in another, a veth pair between them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ATTEMPTS = 3
# MiB: what a run has where nobody says otherwise, and what holds about a second of all that a machine can send to itself.
RINGS = (32, 512)


def measure(path: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: for each size of the ring the best of three replays at top speed, as packets/s sent, packets seen and dropped."""
    what, goal = "live, veth pair, top speed", "800 k packets/s without a drop"
    missing = [tool for tool in ("ip", "tcpreplay") if shutil.which(tool) is None]
    if os.geteuid() or missing:
        yield what, f"not run: needs root{', ' + ', '.join(missing) if missing else ''}", goal
        return
    for ring in RINGS:
        runs = [one_run(path, ring) for _ in range(ATTEMPTS)]
        sent, speed, seen, dropped, cpu = min(runs, key=lambda run: (run[0] - run[2], -run[1]))
        yield f"{what}, ring of {ring} MiB", f"{speed / 1e3:.0f} k packets/s, sent {sent:,}, seen {seen:,}, dropped {dropped:,}", goal
        yield "  CPU of the sensor for it", f"{cpu / max(seen, 1) * 1e9:.0f} ns a packet", ""


def one_run(path: Path, ring: int) -> tuple[int, int, int, int, float]:
    """(sent, packets/s, seen, dropped, CPU seconds)."""
    here, there = f"sensor-src-{os.getpid()}", f"sensor-dst-{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder, namespaces(here, there):
        log, config = Path(folder) / "events.jsonl", Path(folder) / "sensor.yaml"
        config.write_text(f"capture: {{ring_mib: {ring}}}\nstate: {folder}\n")
        command = ["ip", "netns", "exec", there, sys.executable, "-m", "sensor", "run", "-i", "vb", "--events", str(log), "--config", str(config)]
        sensor = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: log.exists() and b'"started"' in log.read_bytes())
        time.sleep(1)
        tool = ["ip", "netns", "exec", here, "tcpreplay", "-q", "--preload-pcap", "-i", "va", "--topspeed", str(path)]
        told = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
        time.sleep(1.5)
        sensor.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(sensor.pid, 0)
        sensor.returncode = 0
        summary = [json.loads(line) for line in log.read_bytes().splitlines() if b'"summary"' in line][-1]["capture"]
    sent = int(re.findall(r"Actual: (\d+) packets", told)[0])
    speed = int(float(re.findall(r"([\d.]+) pps", told)[0]))
    return sent, speed, summary["packets"], summary["dropped"], usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def namespaces(here: str, there: str) -> Iterator[None]:
    """Two network namespaces joined by a veth pair without addresses; gone at the end."""
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


def wait_for(ready: object, seconds: float = 10) -> None:
    """Until ``ready()`` says so. TimeoutError where it never does."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("the sensor did not start")
        time.sleep(0.05)
