"""DNP3: a master reads and operates an outstation over TCP, and restarts another one over UDP."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation, udp

MASTER, OUTSTATION = 3, 4
REVERSED = 0xA6BC  # the polynomial 0x3D65 (IEEE 1815-2012, 9.2.4.3)


def checksum(data: bytes) -> bytes:
    total = 0
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (REVERSED if total & 1 else 0)
    return struct.pack("<H", total ^ 0xFFFF)


def message(function: int, body: bytes = b"", *, from_master: bool = True, transport: int = 0xC0) -> bytes:
    """A link-layer frame with one application fragment."""
    user = bytes((transport, 0xC1, function)) + body
    ends = (OUTSTATION, MASTER) if from_master else (MASTER, OUTSTATION)
    head = struct.pack("<2sBBHH", b"\x05\x64", 5 + len(user), 0xC4 if from_master else 0x44, *ends)
    blocks = [user[at : at + 16] for at in range(0, len(user), 16)]
    return head + checksum(head) + b"".join(block + checksum(block) for block in blocks)


def frames() -> Frames:
    classes, relay = bytes.fromhex("3c02063c03063c0406"), bytes.fromhex("0c012801000300030164000000640000000000")
    parts = [
        (True, message(1, classes)),
        (False, message(129, b"\0\0" + bytes(30), from_master=False)),
        (True, message(1, classes) + message(3, relay) + message(4, relay)),
        (False, message(129, b"\0\0" + relay, from_master=False) * 2),
        (False, message(130, b"\0\0", from_master=False)),
        (True, message(0)),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50303), (PRINTER, "10.20.30.13", 20000), parts)
    yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 20000, 20000, message(13))
