"""A desktop requests a mapping and gets it, requests one of a printer's ports, and names a peer; a router announces
itself. The same with NAT-PMP: the external address, a mapping that is granted, one that is rejected, one that is
removed, and another external address.
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


def answered(payload: bytes) -> bytes:
    return udp(GATEWAY, DESKTOP, ROUTER, HOST, 5351, 50000, payload)


def announced(payload: bytes) -> bytes:
    return udp(GATEWAY, "01:00:5e:00:00:01", ROUTER, "224.0.0.1", 5351, 5350, payload, ttl=1)


def frames() -> Frames:
    yield asked(request(1, 6, 22, 2222))
    head = struct.pack("!BBBBII12x", 2, 0x81, 0, 0, 3600, 1000)
    yield answered(head + bytes(12) + struct.pack("!B3xHH", 6, 22, 2222) + mapped("203.0.113.7"))
    yield asked(request(1, 6, 9100, 9100, struct.pack("!BBH", 1, 0, 16) + mapped("10.20.30.41")))
    yield asked(request(2, 17, 5000, 0, struct.pack("!HH", 5000, 0) + mapped("203.0.113.9")))
    yield announced(struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0))
    yield from nat_pmp()


def nat_pmp() -> Frames:
    yield asked(b"\0\0")
    yield answered(struct.pack("!BBHI4B", 0, 128, 0, 1000, 203, 0, 113, 7))
    yield asked(struct.pack("!BBHHHI", 0, 2, 0, 3389, 33890, 7200))
    yield answered(struct.pack("!BBHIHHI", 0, 130, 0, 1001, 3389, 33890, 7200))
    yield asked(struct.pack("!BBHHHI", 0, 1, 0, 6881, 6881, 3600))
    yield answered(struct.pack("!BBHIHHI", 0, 129, 2, 1002, 6881, 0, 0))
    yield asked(struct.pack("!BBHHHI", 0, 2, 0, 3389, 0, 0))
    yield announced(struct.pack("!BBHI4B", 0, 128, 0, 0, 203, 0, 113, 8))
