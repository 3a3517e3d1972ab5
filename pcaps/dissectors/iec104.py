"""IEC 60870-5-104: a controlling station starts the transfer, interrogates a substation and commands it. The formats
are those of lib60870.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

STATION = 47
START, CONFIRM, TEST = b"\x07\0\0\0", b"\x0b\0\0\0", b"\x43\0\0\0"


def apdu(control: bytes, asdu: bytes = b"") -> bytes:
    return bytes((0x68, 4 + len(asdu))) + control + asdu


def request(kind: int, value: bytes, *, cause: int = 6, number: int = 0, station: int = STATION) -> bytes:
    """A numbered message with one object."""
    head = struct.pack("<BBBBH", kind, 1, cause, 0, station) + number.to_bytes(3, "little")
    return apdu(b"\0\0\0\0", head + value)


def frames() -> Frames:
    measured = request(13, struct.pack("<fB", 12.5, 0), cause=3, number=11)
    parts = [
        (True, apdu(START)),
        (False, apdu(CONFIRM)),
        (True, request(100, b"\x14", station=0xFFFF)),
        (False, request(100, b"\x14", cause=7) + measured + request(100, b"\x14", cause=10)),
        (True, request(103, bytes(7)) + apdu(TEST)),
        (True, request(45, b"\x81", number=12)),
        (False, request(45, b"\x81", cause=7, number=12)),
        (True, request(45, b"\x01", number=12)),
        (True, request(50, struct.pack("<fB", 3.5, 0), number=14)),
        (True, request(100, b"\x14")),
        (True, request(105, b"\x01")),
        (True, request(102, b"", number=9, station=48)),
        (False, request(102, b"", cause=0x40 | 46, number=9, station=48)),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50304), (PRINTER, "10.20.30.13", 2404), parts)
