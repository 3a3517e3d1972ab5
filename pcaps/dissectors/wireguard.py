"""WireGuard: a client begins a handshake with a server on port 51820, and with another on port 443."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

CLIENT, FIRST, SECOND = "10.20.30.51", "203.0.113.20", "203.0.113.21"


def initiation(sender: int) -> bytes:
    """Without keys: they are random."""
    return struct.pack("<II", 1, sender) + bytes(range(1, 109)) + bytes(range(16)) + bytes(16)


def response(sender: int, receiver: int) -> bytes:
    return struct.pack("<III", 2, sender, receiver) + bytes(range(1, 49)) + bytes(range(16)) + bytes(16)


def frames() -> Frames:
    for server, port, index in ((FIRST, 51820, 0x1C1048B0), (SECOND, 443, 0x2D2159C1)):
        yield udp(DESKTOP, GATEWAY, CLIENT, server, 40123, port, initiation(index))
        yield udp(GATEWAY, DESKTOP, server, CLIENT, port, 40123, response(0x79497615, index))
