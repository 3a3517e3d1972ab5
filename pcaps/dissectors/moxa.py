"""Moxa: a search, the responses of a device server and of another one behind it, and a request that fails."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, PRINTER, Frames, ip, mac, udp


def message(code: int, body: bytes = b"", result: int = 0) -> bytes:
    return struct.pack("!BBHI", code, result, 8 + len(body), 7) + body


def found(address: str, host: str) -> bytes:
    return message(0x81, bytes.fromhex("2f11c40c1a51") + mac(address) + ip(host))


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.20", "255.255.255.255", 50480, 4800, message(0x01))
    for payload in (found(PRINTER, "10.20.30.13"), found("00:90:e8:5e:53:07", "192.168.127.254")):
        yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 4800, 50480, payload)
    yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 50480, 4800, message(0x10, bytes(12)))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 4800, 50480, message(0x90, b"", 4))
