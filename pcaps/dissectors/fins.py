"""FINS: a client reads the model of a controller and its memory over UDP, and writes and stops it over TCP (the formats
are those of the Python module fins).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation, udp

MODEL, READ, WRITE, STOP = 0x0501, 0x0101, 0x0102, 0x0402
IDENTITY = b"CJ2M-CPU33".ljust(20) + b"02.01".ljust(20) + bytes(40)


def request(command: int, body: bytes = b"") -> bytes:
    return bytes((0x80, 0, 2, 0, 2, 0, 0, 1, 0, 0x60)) + struct.pack("!H", command) + body


def answer(command: int, body: bytes = b"", end: int = 0) -> bytes:
    return bytes((0xC0, 0, 2, 0, 1, 0, 0, 2, 0, 0x60)) + struct.pack("!HH", command, end) + body


def framed(frame: bytes, command: int = 2) -> bytes:
    return struct.pack("!4sIII", b"FINS", 8 + len(frame), command, 0) + frame


def frames() -> Frames:
    area = b"\x82\0\x64\0\0\1"
    story = [(True, request(MODEL)), (False, answer(MODEL, IDENTITY)), (True, request(READ, area))]
    story += [(False, answer(READ, b"\0\5"))]
    for sent, payload in story:
        if sent:
            yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 9600, 9600, payload)
        else:
            yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 9600, 9600, payload)
    parts = [
        (True, framed(bytes(4), 0)),
        (False, framed(bytes(8), 1)),
        (True, framed(request(READ, area)) * 2),
        (False, framed(answer(READ, b"\0\5")) * 2),
        (True, framed(request(WRITE, area + b"\0\7")) * 2),
        (False, framed(answer(WRITE))),
        (True, framed(request(STOP))),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50960), (PRINTER, "10.20.30.13", 9600), parts)
