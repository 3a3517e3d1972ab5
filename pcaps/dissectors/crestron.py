"""Crestron discovery: a request, the responses of a touch panel and of a control system."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

PANEL, CONTROL = "00:10:7f:5e:53:3b", "00:10:7f:5e:53:3c"


def message(kind: int, name: str, text: str = "") -> bytes:
    return struct.pack("!B9s256s128s", kind, bytes.fromhex("000000010400030000"), name.encode(), text.encode())


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 41794, 41794, message(0x14, "desk")[:266])
    yield udp(
        PANEL,
        DESKTOP,
        "10.20.30.74",
        "10.20.30.14",
        41794,
        41794,
        message(0x15, "board-room", "TSW-760 [v2.001.0040 (Mon Jan 01 2018), #00A1B2C3] @E-00107f5e533b"),
    )
    yield udp(
        CONTROL,
        DESKTOP,
        "10.20.30.75",
        "10.20.30.14",
        41794,
        41794,
        message(0x15, "CP3-00107F5E533C", "CP3 [v1.8001.4925.22648]"),
    )
