"""SRTP: a client opens a connection, reads the status of a controller and its memory, writes and stops it."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

OPENING, OPENED = bytes(56), b"\1" + bytes(55)


def request(service: int, number: int = 6, text: bytes = b"") -> bytes:
    """A request; the service of one with text is behind its length."""
    head = struct.pack("<BxHH24xBB4x4sBB", 2, number, len(text), number, 0x80 if text else 0xC0, b"\x10\x0e\0\0", 1, 1)
    return (head + bytes(8 if text else 0) + bytes((service,))).ljust(56, b"\0") + text


def answer(number: int = 6) -> bytes:
    return struct.pack("<BxHH24xBB", 3, number, 0, number, 0xD4).ljust(56, b"\0")


def frames() -> Frames:
    parts = [(True, OPENING), (False, OPENED), (True, request(0x00)), (False, answer())]
    for service, text in ((0x04, b""), (0x04, b""), (0x07, b"\1\2"), (0x23, b"")):
        parts += [(True, request(service, text=text)), (False, answer())]
    yield from conversation((DESKTOP, "10.20.30.20", 50182), (PRINTER, "10.20.30.13", 18245), parts)
