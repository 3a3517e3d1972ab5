"""CoAP: discovery of resources and devices, a response in link format, an OCF device in CBOR, an announcement of a
Shelly device, an acknowledgement and an error.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, PHONE, Frames, udp

GROUP_MAC = "01:00:5e:00:01:bb"


def option(delta: int, value: bytes) -> bytes:
    def nibble(number: int) -> tuple[int, bytes]:
        return (
            (number, b"")
            if number < 13
            else (13, bytes((number - 13,)))
            if number < 269
            else (14, struct.pack("!H", number - 269))
        )

    (high, more), (low, size) = nibble(delta), nibble(len(value))
    return bytes((high << 4 | low,)) + more + size + value


def message(kind: int, code: int, number: int, *rest: bytes) -> bytes:
    return struct.pack("!BBH", 0x40 | kind << 4, code, number) + b"".join(rest)


def text(value: str) -> bytes:
    raw = value.encode()
    return (bytes((0x60 | len(raw),)) if len(raw) < 24 else bytes((0x78, len(raw)))) + raw


def frames() -> Frames:
    def query(payload: bytes) -> bytes:
        return udp(DESKTOP, GROUP_MAC, "10.20.30.20", "224.0.1.187", 50401, 5683, payload)

    def response(payload: bytes, src: str = "10.20.30.12", mac: str = PHONE) -> bytes:
        return udp(mac, DESKTOP, src, "10.20.30.20", 5683, 50401, payload)

    yield query(message(1, 0x01, 1, option(11, b".well-known"), option(0, b"core"), option(4, b"rt=oic.wk.d")))
    yield query(message(1, 0x01, 2, option(3, b"plug.example"), option(8, b"oic"), option(0, b"d")))
    links = b'</oic/res>;rt="oic.wk.res core.rd",</light>;rt="oic.r.light";if="oic.if.a",</plain>;ct=0'
    yield response(message(1, 0x45, 1, option(12, b"\x28"), b"\xff", links))
    platform = (
        b"\xa5"
        + text("mnmn")
        + text("Samsung Electronics")
        + text("mnmo")
        + text("ARTIK051")
        + text("mnfv")
        + b"\x7f"
        + text("1.")
        + text("02")
        + b"\xff"
    )
    platform += text("n") + text("Lamp by the door") + text("rt") + b"\x9f" + text("oic.wk.p") + b"\x18\x2a\xff"
    yield response(message(1, 0x45, 2, option(12, b"\x27\x10"), b"\xff", platform))
    shelly = message(
        1,
        30,
        3,
        option(11, b"cit"),
        option(0, b"s"),
        option(3321, b"SHSW-25#5E5306#2"),
        option(80, b"\x96\x00"),
        b"\xff",
        b'{"G":[[0,112,0]]}',
    )
    yield udp(CAMERA, GROUP_MAC, "10.20.30.16", "224.0.1.187", 5683, 5683, shelly)
    yield response(message(2, 0x00, 4))
    yield response(message(2, 0x84, 5))
    yield response(message(1, 0x45, 6, option(12, b"\x28"), option(11, b"\x16"), b"\xff", b'</more>;rt="later.block"'))
