"""Handmade capture files for the tests of sensor/capture: every format from its specification, with struct only."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.capture.files import CaptureFiles, Limits, open_captures
from sensor.core.time_units import SECOND

ETHERNET = 1


class Frame(NamedTuple):
    """Contents of a record: ns since the epoch, bytes, length on the wire (0: as captured)."""

    ts: int
    data: bytes
    wirelen: int = 0


class Seen(NamedTuple):
    """The values of a row."""

    ts: int
    data: bytes
    wirelen: int
    link: int


FRAMES = [Frame(1_700_000_000 * SECOND + i * 1_000_000, bytes((i,)) * (i * 7 % 60), 0) for i in range(6)]


def seen(frames: Iterable[Frame], link: int = ETHERNET) -> list[Seen]:
    """The rows that frames should become."""
    return [Seen(frame.ts, frame.data, max(frame.wirelen, len(frame.data)), link) for frame in frames]


def pcap(
    frames: Iterable[Frame],
    order: str = "<",
    *,
    nano: bool = False,
    link: int = ETHERNET,
    snaplen: int = 262144,
    version: tuple[int, int] = (2, 4),
    extra: bytes = b"",
) -> bytes:
    magic = 0xA1B2CD34 if extra else 0xA1B23C4D if nano else 0xA1B2C3D4
    out = bytearray(struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link))
    for frame in frames:
        fraction = frame.ts % SECOND // (1 if nano else 1000)
        lengths = (len(frame.data), frame.wirelen or len(frame.data))
        if version < (2, 3) or version[0] == 543:
            lengths = lengths[::-1]
        out += struct.pack(order + "IIII", frame.ts // SECOND, fraction, *lengths) + extra + frame.data
    return bytes(out)


def snoop(frames: Iterable[Frame], link: int = 4, drops: int = 0, version: int = 2) -> bytes:
    out = b"snoop\0\0\0" + struct.pack(">II", version, link)
    for frame in frames:
        padded = frame.data + bytes(-len(frame.data) % 4)
        lengths = (frame.wirelen or len(frame.data), len(frame.data), 24 + len(padded))
        out += struct.pack(">IIIIII", *lengths, drops, frame.ts // SECOND, frame.ts % SECOND // 1000) + padded
    return out


class Ng:
    """Blocks of pcapng in one byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(self.order + "I", len(body) + 12)
        return struct.pack(self.order + "I", kind) + size + body + size

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)

    def section(self, version: tuple[int, int] = (1, 0)) -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, *version, -1))

    def interface(
        self, link: int = ETHERNET, snaplen: int = 0, *, resolution: int | None = None, offset: int = 0
    ) -> bytes:
        options = self.option(2, b"eth0")
        if resolution is not None:
            options += self.option(9, bytes((resolution,)))
        if offset:
            options += self.option(14, struct.pack(self.order + "q", offset))
        return self.block(1, struct.pack(self.order + "HHI", link, 0, snaplen) + options + self.option(0, b""))

    def packet(self, frame: Frame, interface: int = 0, units: int | None = None) -> bytes:
        """Enhanced packet block; times in microseconds unless ``units`` sets another resolution."""
        units = frame.ts // 1000 if units is None else units
        head = struct.pack(
            self.order + "IIIII",
            interface,
            units >> 32,
            units & 0xFFFFFFFF,
            len(frame.data),
            frame.wirelen or len(frame.data),
        )
        return self.block(
            6, head + frame.data + bytes(-len(frame.data) % 4) + self.option(1, b"seen") + self.option(0, b"")
        )

    def old_packet(self, frame: Frame, interface: int = 0) -> bytes:
        units = frame.ts // 1000
        head = struct.pack(
            self.order + "HHIIII",
            interface,
            0xFFFF,
            units >> 32,
            units & 0xFFFFFFFF,
            len(frame.data),
            frame.wirelen or len(frame.data),
        )
        return self.block(2, head + frame.data)

    def simple(self, data: bytes, wirelen: int = 0) -> bytes:
        return self.block(3, struct.pack(self.order + "I", wirelen or len(data)) + data)

    def statistics(self, interface: int, dropped: int, by_system: int) -> bytes:
        options = self.option(5, struct.pack(self.order + "Q", dropped)) + self.option(
            7, struct.pack(self.order + "Q", by_system)
        )
        return self.block(5, struct.pack(self.order + "III", interface, 0, 0) + options)


def pcapng(frames: Iterable[Frame], order: str = "<", link: int = ETHERNET) -> bytes:
    ng = Ng(order)
    return ng.section() + ng.interface(link) + b"".join(ng.packet(frame) for frame in frames)


def drain(source: CaptureFiles) -> list[Seen]:
    """All packets, batches released at once."""
    out: list[Seen] = []
    for batch in source.batches():
        out += [
            Seen(int(row["ts"]), batch.frame(i), int(row["wirelen"]), int(row["link"]))
            for i, row in enumerate(batch.rows)
        ]
        batch.release()
    source.close()
    return out


def read(folder: Path, content: bytes, limits: Limits | None = None) -> tuple[list[Seen], CaptureFiles]:
    """The packets of a file with this content, under a neutral name."""
    path = folder / "content.txt"
    path.write_bytes(content)
    source = open_captures([str(path)], limits=limits or Limits())
    return drain(source), source


def write(folder: Path, files: dict[str, bytes]) -> Sequence[str]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]
