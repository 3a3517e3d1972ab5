"""Makes the capture that `sensor selftest` replays: a minute of a few machines of the office. Run it as ``python -m
pcaps.selftest [FILE]``.

A printer, a camera and a telephone start and say what they are; a laptop starts, and then tries the ports of the file
server, some of which answer. Packed, for it is shipped with the program. The same packets on every run, as those of
office.pcapng.
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


def minute() -> Office:
    """All there is to see."""
    office = Office()
    for order, name in enumerate(("router", "fs01", "kyocera", "axis", "yealink", "tp-lab")):
        office.start(office.named[name], 2.0 + order * 3)
    telephone = office.named["yealink"]
    office.exchange.register(25.0, telephone.machine, *telephone.sip)
    laptop = office.machine("tp-lab")
    office.tape.arp(40.0, laptop, FILES)
    for place, port in enumerate(PORTS):
        office.tape.probe(40.1 + place * 0.2, laptop, FILES, port, "SA" if port in OPEN_PORTS else "RA")
    start, end = office.tape.start * NANOSECOND, (office.tape.start + SECONDS) * NANOSECOND
    office.tape.frames = [frame for frame in office.tape.frames if start <= frame[0] < end]
    return office


def main(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.pcapng"
        minute().tape.write(plain, "pcaps/selftest.py")
        path.write_bytes(zstandard.ZstdCompressor(level=19, write_checksum=True).compress(plain.read_bytes()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
