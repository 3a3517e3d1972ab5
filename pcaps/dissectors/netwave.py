"""Netwave cameras: a discovery request, the response of a camera, one about another camera, a command."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, Frames, ip, udp


def message(operation: int, body: bytes) -> bytes:
    return b"MO_I" + struct.pack("<HB8xII", operation, 0, len(body), 0) + body


def answer(mac: str, address: str) -> bytes:
    name = mac.replace(":", "").upper().encode()
    net = ip(address) + ip("255.255.255.0") + ip("10.20.30.1") * 2
    return message(
        1,
        struct.pack("!13s21s16s4x4s4sHB", name, b"Back door", net, bytes((11, 37, 2, 54)), bytes((2, 0, 10, 7)), 80, 1),
    )


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 10000, message(0, b"\0\0\0\1"))
    yield udp(CAMERA, ALL, "10.20.30.16", "255.255.255.255", 10000, 50000, answer(CAMERA, "10.20.30.16"))
    yield udp(CAMERA, ALL, "10.20.30.16", "255.255.255.255", 10000, 50000, answer("00:62:6e:5e:53:09", "10.20.30.99"))
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 10000, message(2, bytes(60)))
