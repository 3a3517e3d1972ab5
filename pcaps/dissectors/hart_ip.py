"""HART-IP: a client opens a session with a gateway and reads its identity over UDP; over TCP it reads that of a device
behind it and writes its range (the requests are those of nmap's script hartip-info).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation, udp

LONG_ADDRESS = bytes.fromhex("b013dd4ee3")


def message(kind: int, number: int, body: bytes = b"", status: int = 0) -> bytes:
    return struct.pack("!BBBBHH", 1, kind, number, status, 2, 8 + len(body)) + body


def command(number: int, body: bytes = b"", *, answer: bool = False, address: bytes = b"\x80") -> bytes:
    """A command that is passed on, or the response with its result in front."""
    delimiter = (0x06 if answer else 0x02) | (0x80 if len(address) > 1 else 0)
    data = b"\0\0" + body if answer else body
    frame = bytes((delimiter,)) + address + bytes((number, len(data))) + data
    parity = 0
    for byte in frame:
        parity ^= byte
    return message(1 if answer else 0, 3, frame + bytes((parity,)))


IDENTITY = bytes.fromhex("feb013050701010c00dd4ee305000001 0000b000b001")
SESSION = message(0, 0, b"\1\0\0\x4e\x20")


def frames() -> Frames:
    story = [
        (True, SESSION), (False, message(1, 0, b"\1\0\0\x4e\x20")), (True, command(0)),
        (False, command(0, IDENTITY, answer=True)), (True, message(0, 2)), (False, message(1, 3, b"", 5)),
    ]  # fmt: skip
    for sent, payload in story:
        if sent:
            yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 50594, 5094, payload)
        else:
            yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 5094, 50594, payload)
    read, write = command(0, address=LONG_ADDRESS), command(35, bytes(9), address=LONG_ADDRESS)
    parts = [
        (True, SESSION),
        (True, read * 2),
        (False, command(0, IDENTITY, answer=True, address=LONG_ADDRESS)),
        (True, write * 2),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50595), (PRINTER, "10.20.30.13", 5094), parts)
