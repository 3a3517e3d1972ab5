"""Tuya: a smart plug in cleartext, a lamp encrypted, one of the latest version, a request of the app, a message with
another address.
"""

from __future__ import annotations

import json
import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

PLUG, LAMP = "68:57:2d:5e:53:24", "38:1f:8d:5e:53:25"


def frame(command: int, body: bytes) -> bytes:
    return struct.pack("!IIII", 0x55AA, 0, command, len(body) + 8) + body + struct.pack("!II", 0x12345678, 0xAA55)


def frames() -> Frames:
    device = {
        "ip": "10.20.30.54",
        "gwId": "05200020b4e62d1a2b3c",
        "active": 2,
        "ability": 0,
        "mode": 0,
        "encrypt": True,
        "productKey": "keym557nqw3p8p7m",
        "version": "3.1",
    }
    yield udp(
        PLUG, ALL, "10.20.30.54", "255.255.255.255", 49153, 6666, frame(0, bytes(4) + json.dumps(device).encode())
    )
    yield udp(LAMP, ALL, "10.20.30.55", "255.255.255.255", 49154, 6667, frame(0x13, bytes(4) + bytes(range(1, 161))))
    yield udp(
        LAMP,
        ALL,
        "10.20.30.55",
        "255.255.255.255",
        49154,
        7000,
        struct.pack("!IHIII", 0x6699, 0, 0, 0x23, 60) + bytes(range(1, 61)) + b"\0\0\x99\x66",
    )
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        50000,
        7000,
        struct.pack("!IHIII", 0x6699, 0, 0, 0x25, 60) + bytes(range(1, 61)) + b"\0\0\x99\x66",
    )
    yield udp(LAMP, ALL, "10.20.30.55", "255.255.255.255", 49155, 6666, frame(0, json.dumps(device).encode()))
