"""miIO (Xiaomi): a hello, responses without and with a token, an encrypted message."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

VACUUM = "78:11:dc:5e:53:2b"


def message(device: int, stamp: int, check: bytes, body: bytes = b"") -> bytes:
    return struct.pack("!2sHIII16s", b"\x21\x31", 32 + len(body), 0, device, stamp, check) + body


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 54321, b"\x21\x31\0\x20" + b"\xff" * 28)
    yield udp(VACUUM, DESKTOP, "10.20.30.60", "10.20.30.14", 54321, 50000, message(72123456, 3600, b"\xff" * 16))
    yield udp(VACUUM, DESKTOP, "10.20.30.60", "10.20.30.14", 54321, 50000, message(72123456, 3601, bytes(range(16))))
    yield udp(
        DESKTOP,
        VACUUM,
        "10.20.30.14",
        "10.20.30.60",
        50000,
        54321,
        message(72123456, 3602, bytes(range(16)), bytes(range(32))),
    )
