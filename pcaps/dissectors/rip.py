"""RIP: a request for all routes, an update with a reachable and an unreachable route, an authenticated update. RIPng:
an update with a next hop and two routes.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, Frames, udp

GROUP_MAC, GROUP = "01:00:5e:00:00:09", "224.0.0.9"
RIPNG_MAC, RIPNG_GROUP = "33:33:00:00:00:09", "ff02::9"


def message(command: int, *entries: bytes, version: int = 2) -> bytes:
    return struct.pack("!BBH", command, version, 0) + b"".join(entries)


def route(third: int, metric: int, family: int = 2) -> bytes:
    return struct.pack("!HH4B4s4sI", family, 0, 10, 20, third, 0, b"\xff\xff\xff\0", bytes(4), metric)


def ripng_route(third: int, metric: int) -> bytes:
    return bytes.fromhex("20010db8") + third.to_bytes(2, "big") + bytes(10) + struct.pack("!HBB", 0, 48, metric)


PASSWORD = struct.pack("!HH16s", 0xFFFF, 2, b"secret")
MESSAGES = (
    message(1, route(0, 16, family=0)),
    message(2, route(40, 1), route(50, 16)),
    message(2, PASSWORD, route(40, 1), route(41, 2)),
)
RIPNG = message(2, ripng_route(0, 0xFF), ripng_route(1, 1), ripng_route(2, 3), version=1)


def frames() -> Frames:
    for each in MESSAGES:
        yield udp(GATEWAY, GROUP_MAC, "10.20.30.1", GROUP, 520, 520, each, ttl=1)
    yield udp(GATEWAY, RIPNG_MAC, "fe80::1", RIPNG_GROUP, 521, 521, RIPNG, ttl=255)
