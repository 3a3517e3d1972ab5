"""Modbus/TCP: reads and writes; device identification of a controller, the server id of a device behind a gateway,
identification by function 90 (Schneider); an exception.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation


def message(transaction: int, unit: int, function: int, body: bytes) -> bytes:
    return struct.pack("!HHHBB", transaction, 0, len(body) + 2, unit, function) + body


def objects(*texts: str) -> bytes:
    return (
        b"\x0e\x01\x83\x00\x00"
        + bytes((len(texts),))
        + b"".join(bytes((n, len(text))) + text.encode() for n, text in enumerate(texts))
    )


def frames() -> Frames:
    read, model = struct.pack("!HH", 100, 10), b"BMX P34 2020"
    schneider = (
        b"\0\xfe" + bytes.fromhex("10ff5a010100000060020000270009000800000000") + b"\0" + bytes((len(model),)) + model
    )
    parts = [
        (True, message(1, 255, 3, read)),
        (False, message(1, 255, 3, b"\x14" + bytes(20))),
        (True, message(2, 255, 3, read) + message(3, 255, 6, struct.pack("!HH", 40, 1))),
        (False, message(2, 255, 3, b"\x14" + bytes(20)) + message(3, 255, 6, struct.pack("!HH", 40, 1))),
        (True, message(4, 255, 16, struct.pack("!HHB", 200, 2, 4) + bytes(4))),
        (False, message(4, 255, 0x90, b"\x02")),
        (True, message(5, 255, 43, b"\x0e\x01\x00")),
        (False, message(5, 255, 43, objects("Schneider Electric", "TM221CE24R", "V1.10"))),
        (True, message(6, 7, 17, b"")),
        (False, message(6, 7, 17, b"\x0c\x09\xffRelay 7 v1")),
        (True, message(7, 0, 90, b"\0\2")),
        (False, message(7, 0, 90, schneider)),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50301), (PRINTER, "10.20.30.13", 502), parts)
