"""HDHomeRun: a search as hdhomerun_config sends it, the answers of a tuner and of a recorder."""

from __future__ import annotations

import struct
import zlib

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, PRINTER, Frames, udp

SEARCH = bytes.fromhex("000200060104ffffffff4c20cb4e")


def message(kind: int, *tags: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes((tag,)) + length(len(value)) + value for tag, value in tags)
    head = struct.pack("!HH", kind, len(body)) + body
    return head + struct.pack("<I", zlib.crc32(head))


def length(size: int) -> bytes:
    return bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 65001, SEARCH)
    tuner = message(
        3, (1, b"\0\0\0\1"), (2, bytes.fromhex("1076a5e0")), (16, b"\2"), (0x2A, b"http://10.20.30.16:80"),
        (0x27, b"http://10.20.30.16:80/lineup.json?" + b"x" * 110),
    )  # fmt: skip
    yield udp(CAMERA, DESKTOP, "10.20.30.16", "10.20.30.14", 65001, 50000, tuner)
    recorder = message(3, (1, b"\0\0\0\5"), (0x2C, b"6f5c1f0a"), (0x2A, b"http://10.20.30.13:65001"))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 65001, 50000, recorder)
