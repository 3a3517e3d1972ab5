"""PCP: a desktop requests a mapping and gets it, requests a mapping for a port of a printer, requests a peer mapping; a
router sends an announcement. NAT-PMP: the external address; a granted, a rejected and a deleted mapping; a changed
external address.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, ip, udp

HOST, ROUTER = "10.20.30.14", "10.20.30.1"


def mapped(address: str) -> bytes:
    return bytes(10) + b"\xff\xff" + ip(address)


def request(operation: int, protocol: int, internal_port: int, external_port: int, tail: bytes = b"") -> bytes:
    head = struct.pack("!BBHI", 2, operation, 0, 3600) + mapped(HOST)
    return head + bytes(12) + struct.pack("!B3xHH", protocol, internal_port, external_port) + mapped("0.0.0.0") + tail


def from_client(payload: bytes) -> bytes:
    return udp(DESKTOP, GATEWAY, HOST, ROUTER, 50000, 5351, payload)


def from_router(payload: bytes) -> bytes:
    return udp(GATEWAY, DESKTOP, ROUTER, HOST, 5351, 50000, payload)


def multicast(payload: bytes) -> bytes:
    return udp(GATEWAY, "01:00:5e:00:00:01", ROUTER, "224.0.0.1", 5351, 5350, payload, ttl=1)


def frames() -> Frames:
    yield from_client(request(1, 6, 22, 2222))
    head = struct.pack("!BBBBII12x", 2, 0x81, 0, 0, 3600, 1000)
    yield from_router(head + bytes(12) + struct.pack("!B3xHH", 6, 22, 2222) + mapped("203.0.113.7"))
    yield from_client(request(1, 6, 9100, 9100, struct.pack("!BBH", 1, 0, 16) + mapped("10.20.30.41")))
    yield from_client(request(2, 17, 5000, 0, struct.pack("!HH", 5000, 0) + mapped("203.0.113.9")))
    yield multicast(struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0))
    yield from nat_pmp()


def nat_pmp() -> Frames:
    yield from_client(b"\0\0")
    yield from_router(struct.pack("!BBHI4B", 0, 128, 0, 1000, 203, 0, 113, 7))
    yield from_client(struct.pack("!BBHHHI", 0, 2, 0, 3389, 33890, 7200))
    yield from_router(struct.pack("!BBHIHHI", 0, 130, 0, 1001, 3389, 33890, 7200))
    yield from_client(struct.pack("!BBHHHI", 0, 1, 0, 6881, 6881, 3600))
    yield from_router(struct.pack("!BBHIHHI", 0, 129, 2, 1002, 6881, 0, 0))
    yield from_client(struct.pack("!BBHHHI", 0, 2, 0, 3389, 0, 0))
    yield multicast(struct.pack("!BBHI4B", 0, 128, 0, 0, 203, 0, 113, 8))
