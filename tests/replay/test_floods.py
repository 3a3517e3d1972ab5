"""Floods of spoofed hosts, addresses and names: memory stays within the budget, thirty real phones among them are found
and kept, and there are few alerts.

The installed program reads each flood as a stream while it is generated. SENSOR_FLOOD=10000000 sets the number of
packets, runs every variant, and then also checks packets per second of processor time; with ``-s`` the measurements are
printed. A sample is some floods (tests/sampling.py), with the least memory budget: its tables are full sooner. Its
packets are further apart, so that a phone that joins in the midst repeats its messages as often.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sensor.budget import LEAST, MIB, USUAL
from sensor.core.addresses import mac_text
from tests import sampling
from tests.replay.floods import GAP_NS, NAMES, PACKETS, PHONES, Flood, behind_one, of_many, of_one, phone_mac, stream

pytestmark = pytest.mark.slow
SAMPLED, APART = 50_000, 4
COUNT = int(os.environ.get("SENSOR_FLOOD", str(SAMPLED)))
FULL = COUNT > SAMPLED
RATE = 200_000
# MiB of the budget, and ns between packets.
BUDGET, GAP = (USUAL, GAP_NS) if FULL else (LEAST, APART * GAP_NS)
# MiB that may be used: a sample leaves some tables empty, and so few packets show a leak only close to what is used.
PEAK = USUAL if FULL else LEAST - 48
# Alerts about a flood, and its hosts that become devices within a minute: those before the flood was detected, and
# those whose MAC happened to be drawn twice.
HANDFUL, CROWD = 5, 2_000
MINUTES = math.ceil(COUNT * GAP / 60e9)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "OPENBLAS_NUM_THREADS": "1"
}
WAYS = {"of one machine": of_one, "behind one MAC": behind_one, "of a machine each": of_many}
USUAL_WAYS = {
    ("mdns", "of one machine"),
    ("sip", "of one machine"),
    ("dhcp", "of a machine each"),
    ("tls", "of a machine each"),
}
SENT = [
    pytest.param(WAYS[way](flood), id=f"{name} {way}")
    for name, flood in NAMES.items()
    for way in WAYS
    if FULL or way == "behind one MAC" or (name, way) in USUAL_WAYS
]


class Outcome(NamedTuple):
    """``seconds``: of all processors; ``peak``: bytes; ``reported``: the output of the program, one object per line."""

    seconds: float
    peak: int
    reported: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.reported if one["kind"] == kind]

    @property
    def capture(self) -> dict[str, Any]:
        found: dict[str, Any] = self.of("sensor")[-1]["capture"]
        return found


# Starts the program and follows its memory: the system includes the memory of the parent in that of a child, and that
# of the process that writes records in that of the program.
STARTER = """
import json, resource, subprocess, sys
process, peak, code = subprocess.Popen(sys.argv[2:]), 0, None
while code is None:
    with open(f"/proc/{process.pid}/status") as status:
        peak = max([peak, *(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))])
    try:
        code = process.wait(0.05)
    except subprocess.TimeoutExpired:
        pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, peak * 1024], file)
"""


def replayed(flood: Flood | None, count: int) -> Outcome:
    """The program reads a flood from standard input."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "told").open("w+b") as out:
        used, config = Path(folder, "used.json"), Path(folder, "sensor.yaml")
        # the process that writes records takes 9 µs for the connection of each packet
        config.write_text(f"memory_mib: {BUDGET}\nrecords: {{enabled: {str(not FULL).lower()}}}\n", encoding="utf-8")
        options = ["--json", "--events", f"{folder}/events.jsonl", "--config", str(config)]
        program = [sys.executable, "-m", "sensor", "replay", "-", *options]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", STARTER, str(used), *program],
            stdin=subprocess.PIPE,
            stdout=out,
            env=ENVIRONMENT,
        )
        assert process.stdin is not None
        with process.stdin as pipe:
            for piece in stream(flood or PACKETS["macs"], count, GAP):
                pipe.write(piece)
        assert process.wait() == 0
        code, seconds, peak = json.loads(used.read_text())
        assert code == 0
        out.seek(0)
        return Outcome(seconds, peak, [json.loads(line) for line in out])


@pytest.fixture(scope="module")
def start() -> float:
    """Processor time of the program for the phones alone, if the rate is checked."""
    return replayed(None, 0).seconds if FULL else 0.0


def evaluated(outcome: Outcome, start: float, name: str) -> float:
    """Checks for any flood; returns packets per second of processor time."""
    capture, rate = outcome.capture, COUNT / max(outcome.seconds - start, 0.01)
    peak, alerts = outcome.peak / MIB, outcome.of("alert")
    devices = {
        name: one["device"] for one in outcome.of("device") for name in one["device"].get("macs", [one["device"]["id"]])
    }
    print(
        f"{name:40} {peak:4.0f} MiB {rate:12,.0f} packets/s, {capture['selected']:,} read, "
        f"{capture['shed']:,} shed, {len(devices) - PHONES:,} made-up devices,"
        f" alerts: {', '.join(sorted(one['alert']['detector'] for one in alerts))}"
    )
    assert "faults" not in capture
    assert capture["packets"] >= COUNT
    assert peak <= PEAK
    assert len(alerts) <= HANDFUL
    assert len(devices) <= PHONES + CROWD * MINUTES
    phones = [devices.get(mac_text(phone_mac(number)), {}) for number in range(PHONES)]
    assert [phone.get("type") for phone in phones] == ["voip_phone"] * PHONES
    return rate


@pytest.mark.parametrize("name", sampling.drawn(list(PACKETS), 1, "floods of packets"))
def test_a_flood_of_packets(name: str, start: float) -> None:
    """Random MACs, addresses and SYNs cost what a packet costs."""
    rate = evaluated(replayed(PACKETS[name], COUNT), start, name)
    assert not FULL or rate >= RATE


@pytest.mark.parametrize("flood", sampling.drawn(SENT, 1, "floods of names"))
def test_a_flood_of_names(flood: Flood, start: float, request: pytest.FixtureRequest) -> None:
    """Every message has another name: from one host, from hosts behind one router, or from a host each."""
    rate = evaluated(replayed(flood, COUNT), start, request.node.callspec.id)
    assert not FULL or rate >= RATE
