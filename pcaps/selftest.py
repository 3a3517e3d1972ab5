"""Generates the capture that `sensor selftest` replays: a minute of six devices of the office. Run it as ``python -m
pcaps.selftest [FILE]``.

A printer, a camera and a phone start; a laptop starts and scans the ports of the file server. The file is compressed,
because it is part of the package. The packets are the same on every run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import zstandard

from pcaps._office_hosts import FILES
from pcaps.office import OPEN_PORTS, PORTS, Office

FILE = Path(__file__).parents[1] / "sensor" / "lifecycle" / "selftest.pcapng.zst"
SECONDS = 80
NANOSECOND = 1_000_000_000


def excerpt() -> Office:
    """The office with the frames of the excerpt only."""
    office = Office()
    for order, name in enumerate(("router", "fs01", "kyocera", "axis", "yealink", "tp-lab")):
        office.boot(office.named[name], 2.0 + order * 3)
    telephone = office.named["yealink"]
    office.pbx.register(25.0, telephone.host, *telephone.sip)
    laptop = office.host("tp-lab")
    office.capture.arp(40.0, laptop, FILES)
    for number, port in enumerate(PORTS):
        office.capture.probe(40.1 + number * 0.2, laptop, FILES, port, "SA" if port in OPEN_PORTS else "RA")
    start, end = office.capture.start * NANOSECOND, (office.capture.start + SECONDS) * NANOSECOND
    office.capture.frames = [frame for frame in office.capture.frames if start <= frame[0] < end]
    return office


def main(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.pcapng"
        excerpt().capture.write(plain, "pcaps/selftest.py")
        path.write_bytes(zstandard.ZstdCompressor(level=19, write_checksum=True).compress(plain.read_bytes()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
