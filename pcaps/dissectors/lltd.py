"""LLTD: quick discovery and topology discovery of a Windows host, the Hello of a desktop, of a router with Wi-Fi and of
a host behind a wireless repeater.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, GATEWAY, PRINTER, Frames, ethernet, ip, mac


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value))) + value


def message(src: str, dst: str, service: int, function: int, body: bytes, *, real: str = "") -> bytes:
    head = bytes((1, service, 0, function)) + mac(dst) + mac(real or src) + bytes(2)
    return ethernet(src, dst, 0x88D9, head + body)


def hello(src: str, *properties: bytes, real: str = "") -> bytes:
    body = struct.pack("!H", 0x1A2B) + mac(DESKTOP) + mac(DESKTOP) + b"".join(properties) + b"\0"
    return message(src, ALL, 0, 1, body, real=real)


def frames() -> Frames:
    yield message(DESKTOP, ALL, 1, 0, struct.pack("!HH", 0, 0))
    yield message(DESKTOP, ALL, 0, 0, struct.pack("!HH", 0x1A2B, 1) + mac(PRINTER))
    yield hello(
        PRINTER,
        tlv(1, mac(PRINTER)),
        tlv(2, struct.pack("!I", 0x20000000)),
        tlv(3, struct.pack("!I", 6)),
        tlv(7, ip("10.20.30.14")),
        tlv(8, ip("fe80::5eff:fe00:5303")),
        tlv(10, struct.pack("!Q", 10_000_000)),
        tlv(12, struct.pack("!I", 10_000_000)),
        tlv(15, "FRONTDESK-7".encode("utf-16-le")),
        tlv(20, struct.pack("!I", 0xE0000000)),
    )
    yield hello(
        GATEWAY,
        tlv(1, mac("02:00:5e:00:53:11")),
        tlv(2, struct.pack("!I", 0x70000000)),
        tlv(3, struct.pack("!I", 71)),
        tlv(4, b"\1"),
        tlv(6, b"lobby"),
        tlv(7, ip("10.20.30.1")),
        tlv(10, struct.pack("!Q", 1_000_000)),
        tlv(15, "RT-AC68U\0".encode("utf-16-le")),
        tlv(16, "www.example.com".encode("utf-16-le")),
        tlv(18, bytes.fromhex("0b5e7a7c2a1a4d5e9c3302005e005301")),
        tlv(14, b""),
        tlv(17, b""),
        tlv(19, b""),
        tlv(22, b""),
    )
    yield hello(GATEWAY, tlv(1, mac(CAMERA)), tlv(15, "REPEATED".encode("utf-16-le")), real=CAMERA)
