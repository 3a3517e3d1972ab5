"""EIGRP: a hello, a hello with authentication, an update with two internal routes and an external one."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, Frames, ip_frame

GROUP_MAC, GROUP = "01:00:5e:00:00:0a", "224.0.0.10"
PARAMETERS = struct.pack("!HH8B", 1, 12, 1, 0, 1, 0, 0, 0, 0, 15)


def message(operation: int, *parts: bytes) -> bytes:
    return struct.pack("!BBHIIIHH", 2, operation, 0, 0, 1, 0, 0, 100) + b"".join(parts)


def tlv(kind: int, size: int) -> bytes:
    return struct.pack("!HH", kind, 4 + size) + bytes(size)


def frames() -> Frames:
    for each in (
        message(5, PARAMETERS),
        message(5, tlv(2, 36), PARAMETERS),
        message(1, tlv(0x0102, 25), tlv(0x0102, 24), tlv(0x0103, 45)),
    ):
        yield ip_frame(GATEWAY, GROUP_MAC, "10.20.30.1", GROUP, 88, each, 2, ttl=2)
