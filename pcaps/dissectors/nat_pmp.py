"""A desktop asks for the outside address and for a mapping, gets both, is refused another, and takes the first one
away; a router tells of a change.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

HOST, ROUTER = "10.20.30.14", "10.20.30.1"


def asked(payload: bytes) -> bytes:
    return udp(DESKTOP, GATEWAY, HOST, ROUTER, 50000, 5351, payload)


def answered(payload: bytes) -> bytes:
    return udp(GATEWAY, DESKTOP, ROUTER, HOST, 5351, 50000, payload)


def frames() -> Frames:
    yield asked(b"\0\0")
    yield answered(struct.pack("!BBHI4B", 0, 128, 0, 1000, 203, 0, 113, 7))
    yield asked(struct.pack("!BBHHHI", 0, 2, 0, 3389, 33890, 7200))
    yield answered(struct.pack("!BBHIHHI", 0, 130, 0, 1001, 3389, 33890, 7200))
    yield asked(struct.pack("!BBHHHI", 0, 1, 0, 6881, 6881, 3600))
    yield answered(struct.pack("!BBHIHHI", 0, 129, 2, 1002, 6881, 0, 0))
    yield asked(struct.pack("!BBHHHI", 0, 2, 0, 3389, 0, 0))
    yield udp(
        GATEWAY,
        "01:00:5e:00:00:01",
        ROUTER,
        "224.0.0.1",
        5351,
        5350,
        struct.pack("!BBHI4B", 0, 128, 0, 0, 203, 0, 113, 8),
        ttl=1,
    )
