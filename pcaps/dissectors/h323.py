"""H.323: a conferencing system discovers a gatekeeper, registers and requests admission (RAS); a call to another
system, in which both state vendor and product.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, PBX, PHONE, Frames, conversation, udp

PROTOCOL = b"\x06\x00\x08\x91\x4a\x00"


def counted(text: bytes) -> bytes:
    return bytes((len(text) - 1,)) + text


def alias(name: str) -> bytes:
    return b"\x40" + bytes((len(name) - 1,)) + name.encode("utf-16-be")


def vendor(manufacturer: str, product: bytes, version: bytes) -> bytes:
    return b"\x22\xc0" + bytes.fromhex(manufacturer) + counted(product) + counted(version)


def q931(kind: int, user: bytes, *elements: bytes, reference: int = 0x77F4) -> bytes:
    body = (
        b"\x08\x02"
        + struct.pack("!HB", reference, kind)
        + b"".join(elements)
        + b"\x7e"
        + struct.pack("!H", len(user) + 1)
        + b"\x05"
        + user
    )
    return struct.pack("!BBH", 3, 0, len(body) + 4) + body


def element(number: int, body: bytes) -> bytes:
    return bytes((number, len(body))) + body


def frames() -> Frames:
    def from_client(payload: bytes) -> bytes:
        return udp(PHONE, PBX, "10.20.30.12", "10.20.30.5", 1719, 1719, payload)

    def from_server(payload: bytes) -> bytes:
        return udp(PBX, PHONE, "10.20.30.5", "10.20.30.12", 1719, 1719, payload)

    endpoint = vendor("b5002331", b"HDX 8000 HD", b"Release - 3.1.14-54021")
    address = b"\x00\x0a\x14\x1e\x0c\x06\xb7"
    yield from_client(b"\x02\x00\x00\x01" + PROTOCOL + b"\x05" + address + endpoint + b"\x01" + alias("Boardroom"))
    yield from_server(b"\x06\x80\x00\x01" + PROTOCOL + b"\x05" + address)
    yield from_client(
        b"\x0e\xc0\x00\x02"
        + PROTOCOL
        + b"\x05\x80\x01"
        + address
        + b"\x01"
        + address
        + endpoint
        + b"\x02"
        + alias("Boardroom")
        + alias("Boardroom 2")
    )
    yield from_server(b"\x12\xc0\x00\x02" + PROTOCOL + b"\x05\x01" + address)
    yield from_client(b"\x26\x90\x00\x03\x01\x40\x05\x00W\x00o\x00r\x00k\x00e\x00r")
    yield from_server(b"\x2b\x00\x00\x03\x40\x02\x00")
    bearer = element(0x04, b"\x88\x93\xa5")
    setup = q931(
        0x05, b"\x20\xa8" + PROTOCOL + b"\x05\x01" + alias("Boardroom") + endpoint + bytes(24),
        bearer, b"\xa1", element(0x28, b"Boardroom\0"), element(0x6C, b"\x00\x81212"), element(0x70, b"\x81213"),
    )  # fmt: skip
    other = vendor("82010100", b"TANDBERG", b"F9.3.1 NTSC")
    proceeding = q931(0x02, b"\x21\x80" + PROTOCOL + b"\x05" + other + bytes(18), reference=0xF7F4)
    connect = q931(
        0x07,
        b"\x22\xc0" + PROTOCOL + b"\x05" + address + other + bytes(18),
        element(0x28, b"Workshop"),
        reference=0xF7F4,
    )
    release = q931(0x5A, b"\x25\x80" + PROTOCOL + b"\x05\x08" + bytes(18))
    parts = [(True, setup), (False, proceeding + connect[:20]), (False, connect[20:]), (True, release)]
    yield from conversation((PHONE, "10.20.30.12", 50501), (CAMERA, "10.20.30.16", 1720), parts)
