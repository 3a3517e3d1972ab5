"""Discovery and join of access points: of one with board data, of one with its name in a field of its vendor, and the
controller's answers; records of DTLS in both directions.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, PBX, PHONE, PHONE_LONG, Frames, udp

POINT, CONTROLLER = "10.20.30.70", "10.20.30.71"
RECORD = b"\x16\xfe\xff" + bytes(8) + b"\0\4body"


def field(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def message(kind: int, *fields: bytes, words: int = 2, vendor: int = 0) -> bytes:
    """A control message without DTLS, behind a header of so many words."""
    body = b"".join(fields)
    header = struct.pack("!I", words << 19 | 1 << 9) + bytes(4 * words - 4)
    return header + struct.pack("!IBHB", vendor << 8 | kind, 0, len(body) + 3, 0) + body


BOARD = field(38, struct.pack("!I", 12356) + field(0, b"FAP221E") + field(1, b"FP221E5E5302AB"))
NAMED = field(37, bytes.fromhex("004096000005") + b"AP0015.655e.5302")
ANSWER = message(2, field(1, bytes(10)), field(4, b"wlc-attic"))


def frames() -> Frames:
    yield udp(PHONE, ALL, POINT, "255.255.255.255", 12379, 5246, message(1, field(20, b"\0"), BOARD))
    yield udp(PHONE_LONG, ALL, POINT, "255.255.255.255", 12380, 5246, message(1, NAMED, words=4))
    yield udp(PBX, PHONE, CONTROLLER, POINT, 5246, 12379, ANSWER)
    yield udp(PHONE, PBX, POINT, CONTROLLER, 12379, 5246, message(3, field(45, b"ap-lobby"), BOARD))
    yield udp(PHONE, PBX, POINT, CONTROLLER, 12379, 5246, b"\1\0\0\0" + RECORD)
    yield udp(PBX, PHONE, CONTROLLER, POINT, 5246, 12379, b"\1\0\0\0" + RECORD)
