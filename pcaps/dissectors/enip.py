"""EtherNet/IP: ListIdentity, the response of a controller, a response about another device, and a TCP session that
requests the identity.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, GATEWAY, PRINTER, Frames, conversation, udp


def message(command: int, body: bytes = b"", session: int = 0) -> bytes:
    return struct.pack("<HHII8xI", command, len(body), session, 0, 0) + body


def identity(address: bytes, name: bytes = b"1769-L33ER/A LOGIX5333ER") -> bytes:
    body = struct.pack("<H", 1) + struct.pack("!HH", 2, 44818) + address + bytes(8)
    body += struct.pack("<HHHBBHI", 1, 14, 107, 30, 11, 0x3060, 0x60C3A1B2) + bytes((len(name),)) + name + b"\3"
    return struct.pack("<HHH", 1, 0x0C, len(body)) + body


def frames() -> Frames:
    own = bytes((10, 20, 30, 13))
    yield udp(DESKTOP, ALL, "10.20.30.20", "255.255.255.255", 50601, 44818, message(0x63))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 44818, 50601, message(0x63, identity(own)))
    yield udp(
        GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.20", 44818, 50601, message(0x63, identity(bytes((192, 168, 1, 9))))
    )
    parts = [
        (True, message(0x65, b"\1\0\0\0")),
        (False, message(0x65, b"\1\0\0\0", 7)),
        (True, message(0x63)),
        (False, message(0x63, identity(own))),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50602), (PRINTER, "10.20.30.13", 44818), parts)
