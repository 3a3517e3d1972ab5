"""A desktop asks for a mapping and gets it, asks for one of a printer's ports, and names a peer; a router announces
itself.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, ip, udp

HOST, ROUTER = "10.20.30.14", "10.20.30.1"


def mapped(address: str) -> bytes:
    return bytes(10) + b"\xff\xff" + ip(address)


def request(operation: int, protocol: int, inner: int, outer: int, tail: bytes = b"") -> bytes:
    head = struct.pack("!BBHI", 2, operation, 0, 3600) + mapped(HOST)
    return head + bytes(12) + struct.pack("!B3xHH", protocol, inner, outer) + mapped("0.0.0.0") + tail


def asked(payload: bytes) -> bytes:
    return udp(DESKTOP, GATEWAY, HOST, ROUTER, 50000, 5351, payload)


def frames() -> Frames:
    yield asked(request(1, 6, 22, 2222))
    answer = (
        struct.pack("!BBBBII12x", 2, 0x81, 0, 0, 3600, 1000)
        + bytes(12)
        + struct.pack("!B3xHH", 6, 22, 2222)
        + mapped("203.0.113.7")
    )
    yield udp(GATEWAY, DESKTOP, ROUTER, HOST, 5351, 50000, answer)
    yield asked(request(1, 6, 9100, 9100, struct.pack("!BBH", 1, 0, 16) + mapped("10.20.30.41")))
    yield asked(request(2, 17, 5000, 0, struct.pack("!HH", 5000, 0) + mapped("203.0.113.9")))
    yield udp(
        GATEWAY,
        "01:00:5e:00:00:01",
        ROUTER,
        "224.0.0.1",
        5351,
        5350,
        struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0),
        ttl=1,
    )
