"""Baichuan (Reolink): a discovery request and the response of a camera, both obfuscated."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, Frames, udp


def message(body: bytes) -> bytes:
    return struct.pack("<IIIII", 0x2A87CF3A, len(body), 1, 77, 0) + body


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 2015, message(bytes(range(60))))
    yield udp(CAMERA, DESKTOP, "10.20.30.16", "10.20.30.14", 2015, 50000, message(bytes(range(90))))
