"""Steam: a search, the status of a Windows PC, of a Linux PC and of a Steam Deck, a goodbye."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, PRINTER, Frames, udp

MAGIC = bytes.fromhex("ffffffff214c5fa0")


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(kind: int, *fields: tuple[int, int | bytes]) -> bytes:
    header = field(1, 0xE7C2664E79EE9C8F) + field(2, kind) + field(3, 0xCDA4FFDF)
    body = b"".join(field(*one) for one in fields)
    return MAGIC + struct.pack("<I", len(header)) + header + struct.pack("<I", len(body)) + body


def status(name: bytes, system: int, *more: tuple[int, int | bytes]) -> bytes:
    user = b"\x09\x70\x4c\xe8\x04\x01\0\x10\x01\x10\xb4\xb5\xd1\x21"
    address = b"02-00-5e-00-53-04"
    return message(
        1, (1, 8), (2, 6), (3, 27036), (4, name), (6, 2), (7, system), (8, 1), (9, user), (11, 1), (12, 1_700_000_000),
        (13, 0), (14, 0), (15, address), *more,
    )  # fmt: skip


def frames() -> Frames:
    def sent(src_mac: str, src: str, payload: bytes) -> bytes:
        return udp(src_mac, ALL, src, "10.20.30.255", 27036, 27036, payload)

    yield sent(DESKTOP, "10.20.30.14", message(0, (1, 1)))
    yield sent(DESKTOP, "10.20.30.14", status(b"Phantom", 16))
    yield sent(PRINTER, "10.20.30.13", status(b"tower", -184))
    yield sent(CAMERA, "10.20.30.16", status(b"steamdeck", -184, (24, 1)))
