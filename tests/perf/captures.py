"""The captures of the benchmarks: found in a folder, or generated from those in pcaps/ so that a fresh clone can
measure at once.

Generated captures have less variety than traffic of a real network: pcaps/office.pcapng copied with new addresses for
each copy, its discovery frames alone, and SYNs from a million random addresses and MACs. Their names differ:
``office-1M`` instead of ``mixed-1M``.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sensor.capture.files import open_captures

OFFICE = Path(__file__).parents[2] / "pcaps" / "office.pcapng"
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
RECORD = struct.Struct("<IIII")
DISCOVERY_PORTS = frozenset((53, 67, 68, 1900, 5060, 5353))
FLOOD_PACKETS = 1_000_000
LATER_S = 100
Frame = tuple[int, bytes]


class Captures(NamedTuple):
    """Paths of all captures of the benchmarks."""

    mixed: Path
    twice: Path
    large: Path
    discovery: Path
    flood: Path
    week: Path
    one: Path
    hundred: Path

    @staticmethod
    def name(path: Path) -> str:
        return path.stem

    @staticmethod
    def packets(path: Path) -> int:
        source = open_captures([str(path)])
        count = 0
        for batch in source.batches():
            count += len(batch)
            batch.release()
        source.close()
        return count


def find(folder: Path) -> Captures:
    """The captures of ``folder``, with generated ones for those that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    office = list(frames(OFFICE))
    mixed = given(folder / "mixed-1M.pcap") or make(folder / "office-1M.pcap", copies(office, 1_000_000))
    return Captures(
        mixed=mixed,
        twice=twice(mixed, folder),
        large=given(folder / "mixed-4M.pcap") or make(folder / "office-4M.pcap", copies(office, 4_000_000)),
        discovery=given(folder / "discovery.pcap")
        or make(folder / "office-discovery.pcap", copies([f for f in office if is_discovery(f[1])], 200_000)),
        flood=given(folder / "syn-flood.pcap") or make(folder / "flood.pcap", syns(FLOOD_PACKETS)),
        week=week(folder / "week.pcapng") if not (folder / "week.pcap").exists() else folder / "week.pcap",
        one=make(folder / "one.pcap", office[:1]),
        hundred=make(folder / "hundred.pcap", office[:100]),
    )


def given(path: Path) -> Path | None:
    return path if path.exists() else None


def twice(path: Path, folder: Path) -> Path:
    """A capture followed by itself, ``LATER_S`` later: the cost of the second half is the steady state."""
    return given(folder / f"{path.stem.removesuffix('-1M')}-2x.pcap") or make(
        folder / f"{path.stem.removesuffix('-1M')}-2x.pcap", _again(path)
    )


def _again(path: Path) -> Iterator[Frame]:
    yield from frames(path)
    for ts, frame in frames(path):
        yield ts + LATER_S * 10**9, frame


def week(path: Path) -> Path:
    """The working week of pcaps/week.py."""
    if not path.exists():
        from pcaps.week import main  # imports scapy, which takes a second

        main(path)
    return path


def make(path: Path, content: Iterable[Frame]) -> Path:
    """Write a pcap file, once."""
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb", buffering=1 << 20) as file:
            file.write(HEADER)
            for ts, frame in content:
                file.write(RECORD.pack(ts // 10**9, ts % 10**9 // 1000, len(frame), len(frame)) + frame)
        part.rename(path)
    return path


def frames(path: Path) -> Iterator[Frame]:
    """(ns, bytes) of every Ethernet frame of a capture."""
    source = open_captures([str(path)])
    for batch in source.batches():
        for i in range(len(batch)):
            yield int(batch.rows["ts"][i]), batch.frame(i)
        batch.release()
    source.close()


def copies(office: list[Frame], total: int) -> Iterator[Frame]:
    """``total`` frames: the capture repeated at ten times its speed, each copy with other MACs and second address
    bytes.
    """
    began = office[0][0]
    length = (office[-1][0] - began) // 10 + 10**8
    for number in range(-(-total // len(office))):
        for ts, frame in office[: total - number * len(office)]:
            yield began + number * length + (ts - began) // 10, renumbered(frame, number)


def renumbered(frame: bytes, number: int) -> bytes:
    out = bytearray(frame)
    for at in (0, 6):
        if not out[at] & 1:
            out[at + 3] ^= number & 255
            out[at + 4] ^= number >> 8 & 255
    if out[12:14] == b"\x08\0" and len(out) >= 34:
        for at in (26, 30):
            if out[at] == 10:
                out[at + 1] ^= number & 255
    return bytes(out)


def is_discovery(frame: bytes) -> bool:
    """DHCP, DNS, mDNS, SSDP, SIP and LLDP."""
    if frame[12:14] == b"\x88\xcc":
        return True
    if frame[12:14] != b"\x08\0" or frame[23] != 17:
        return False
    return bool(DISCOVERY_PORTS & set(struct.unpack_from("!HH", frame, 34)))


def syns(total: int) -> Iterator[Frame]:
    """SYNs of a flood: every packet from another address and MAC, to 16 hosts and five ports."""
    rng = random.Random(1)
    for index in range(total):
        source, target = rng.getrandbits(29) | 0x20000000, 0x0A000001 + rng.randrange(16)
        port = (80, 443, 22, 445, 3389)[index % 5]
        segment = struct.pack(
            "!HHIIBBHHH", rng.randrange(1024, 65536), port, rng.getrandbits(32), 0, 0x50, 2, 65535, 0, 0
        )
        packet = struct.pack("!BBHHHBBHII", 0x45, 0, 40, index & 0xFFFF, 0x4000, 64, 6, 0, source, target) + segment
        frame = (
            b"\x02\0\0\0\0"
            + bytes((target & 255,))
            + b"\x02"
            + rng.getrandbits(40).to_bytes(5, "big")
            + b"\x08\0"
            + packet
        )
        yield 1_700_000_000 * 10**9 + index * 100_000, frame
