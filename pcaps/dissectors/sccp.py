"""SCCP: a phone requests a registration token, registers with its call manager, dials and is called; another phone is
rejected and unregisters.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import PBX, PHONE, PRINTER, Frames, conversation


def message(kind: int, body: bytes, version: int = 0) -> bytes:
    return struct.pack("<III", len(body) + 4, version, kind) + body


def station(name: bytes, kind: int, address: bytes = bytes((10, 20, 30, 12))) -> bytes:
    return name.ljust(16, b"\0") + struct.pack("<II", 0, 1) + address + struct.pack("<II", kind, 5)


def frames() -> Frames:
    name = b"SEP02005E005302"
    long = (
        station(name, 434)
        + struct.pack("<I", 0)
        + b"\x14\x00\x72\x85"
        + bytes(8)
        + bytes.fromhex("02005e005302")
        + bytes(6)
        + struct.pack("<II", 3, 2)
    )
    long = long.ljust(92, b"\0") + b"SCCP42.9-4-2SR3-1S".ljust(32, b"\0")
    call = b"".join(
        text.ljust(size, b"\0") for text, size in ((b"Front desk", 40), (b"212", 24), (b"Workshop", 40), (b"213", 24))
    )
    parts = [
        (True, message(0x29, station(name, 434))),
        (False, message(0x9B, b"")),
        (True, message(0x01, long)),
        (False, message(0x81, struct.pack("<I8sI", 30, b"D/M/Y\0\0\0", 60))),
        (
            True,
            message(0x00, b"")
            + message(0x03, struct.pack("<III", 2, 1, 0))
            + message(0x03, struct.pack("<III", 15, 1, 0)),
        ),
        (False, message(0x8F, call + struct.pack("<III", 1, 42, 2)) + message(0x100, b"")),
    ]
    yield from conversation((PHONE, "10.20.30.12", 50111), (PBX, "10.20.30.5", 2000), parts)
    refused = [
        (True, message(0x01, station(b"ATA02005E005303", 12, bytes((10, 20, 30, 13))))),
        (False, message(0x9D, b"No Entry For Device".ljust(33, b"\0"))),
        (True, message(0x27, b"")),
    ]
    yield from conversation((PRINTER, "10.20.30.13", 50112), (PBX, "10.20.30.5", 2000), refused)
