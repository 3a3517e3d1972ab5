"""PPPP (P2P cameras): a discovery request, the response of a camera, the same UID from the app, a keepalive."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, Frames, udp


def message(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBH", 0xF1, kind, len(body)) + body


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 32108, message(0x30))
    identity = struct.pack("!8sI8s", b"VSTD", 123456, b"ABCDE")
    yield udp(CAMERA, DESKTOP, "10.20.30.16", "10.20.30.14", 32108, 50000, message(0x41, identity))
    yield udp(DESKTOP, CAMERA, "10.20.30.14", "10.20.30.16", 50000, 32108, message(0x42, identity))
    yield udp(DESKTOP, CAMERA, "10.20.30.14", "10.20.30.16", 50000, 32108, message(0xE0))
