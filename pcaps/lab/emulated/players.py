"""An emulated Roku TV and streaming stick (_player.py), and a computer that requests their device information. Needs
curl.

Run it as ``python -m pcaps.lab.emulated.players``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record

PLAYER = "pcaps.lab.emulated._player"


def roku(lab: Lab, host: Host, *what: str) -> None:
    """``what``: name, number, firmware, serial number, whether it is a TV."""
    lab.start(host, sys.executable, "-m", PLAYER, host.ip, *what, port=8060)


def players(lab: Lab) -> Iterator[None]:
    workstation = lab.host("desk", "10.20.10.20")
    television = lab.host("television", "10.20.10.72", "10:59:32:5e:67:02")
    stick = lab.host("stick", "10.20.10.73", "34:5e:08:5e:67:03")
    yield
    roku(lab, television, "55R4A5R", "G223X", "12.5.0", "X01900AB5E67", "true")
    roku(lab, stick, "Roku Streaming Stick 4K", "3820X", "11.5.0", "X00800AB5E67", "false")
    time.sleep(2)
    for host in (television, stick):
        lab.run(workstation, "curl", "-s", f"http://{host.ip}:8060/query/device-info")
    time.sleep(3)


if __name__ == "__main__":
    record(Path(__file__).parent, players=players)
