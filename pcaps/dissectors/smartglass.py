"""SmartGlass (Xbox): a discovery request and the response of a console."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

XBOX = "98:5f:d3:5e:53:30"


def text(value: str) -> bytes:
    return struct.pack("!H", len(value)) + value.encode() + b"\0"


def message(form: int, body: bytes) -> bytes:
    return struct.pack("!HHH", form, len(body), 2) + body


def frames() -> Frames:
    yield udp(
        DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 5050, message(0xDD00, struct.pack("!IHHH", 0, 4, 0, 2))
    )
    body = (
        struct.pack("!IH", 2, 1)
        + text("XboxOne")
        + text("DE305D54-75B4-431B-ADB2-EB6B9E546014")
        + struct.pack("!IH", 0, 8)
        + bytes(8)
    )
    yield udp(XBOX, DESKTOP, "10.20.30.64", "10.20.30.14", 5050, 50000, message(0xDD01, body))
