"""Wisenet (Hanwha): a discovery request, the response of a camera, one about another address."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, Frames, udp


def answer(mac: str, address: str, model: str) -> bytes:
    link = f"http://{address}/home".encode()
    return struct.pack(
        "<B18x18s16s16s16s24x10s14x39s90x",
        0x0B,
        mac.encode(),
        address.encode(),
        b"255.255.255.0",
        b"10.20.30.1",
        model.encode(),
        link,
    )


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 7711, 7701, b"\1" + bytes(261))
    yield udp(
        CAMERA, ALL, "10.20.30.16", "255.255.255.255", 7701, 7711, answer(CAMERA.upper(), "10.20.30.16", "XND-6080")
    )
    yield udp(
        CAMERA,
        ALL,
        "10.20.30.16",
        "255.255.255.255",
        7701,
        7711,
        answer("00:09:18:5e:53:09", "10.20.30.99", "QNO-7010R"),
    )
