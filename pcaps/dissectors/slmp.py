"""SLMP: a client reads the model and registers of a controller, writes one and stops it, and another one uses numbered
frames on a port of its own (the formats are those of pymcprotocol).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

MODEL, READ, WRITE, STOP = 0x0101, 0x0401, 0x1401, 0x1002
ROUTE = b"\0\xff\xff\x03\0"


def request(command: int, body: bytes = b"", serial: bytes = b"") -> bytes:
    rest = struct.pack("<HHH", 4, command, 0) + body
    return (b"\x54\0" + serial if serial else b"\x50\0") + ROUTE + struct.pack("<H", len(rest)) + rest


def answer(body: bytes = b"", serial: bytes = b"") -> bytes:
    return (b"\xd4\0" + serial if serial else b"\xd0\0") + ROUTE + struct.pack("<HH", 2 + len(body), 0) + body


def frames() -> Frames:
    area, model = b"\x64\0\0\xa8\1\0", answer(b"Q03UDECPU".ljust(16) + b"\x68\x02")
    parts = [
        (True, request(MODEL)), (False, model), (True, request(READ, area)), (False, answer(b"\5\0")),
        (True, request(READ, area)), (False, answer(b"\5\0")), (True, request(WRITE, area + b"\7\0")),
        (False, answer()), (True, request(STOP, b"\1\0")), (False, answer()),
    ]  # fmt: skip
    yield from conversation((DESKTOP, "10.20.30.20", 50507), (PRINTER, "10.20.30.13", 5007), parts)
    number = b"\x34\x12\0\0"
    parts = [(True, request(READ, area, number)), (False, answer(b"\5\0", number))]
    yield from conversation((DESKTOP, "10.20.30.20", 50508), (PRINTER, "10.20.30.13", 5006), parts)
