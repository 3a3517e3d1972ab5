"""IPMI: a search for controllers and the response, authentication of the channel, a login with RMCP+, a rejected user,
cipher suite 0, and an identity (the formats are those of ipmitool with the simulator of OpenIPMI).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, udp

CONSOLE, MANAGED = b"\xa4\xa3\xa2\xa0", b"\x04\x01\0\0"


def presence(pong: bool) -> bytes:
    body = bytes.fromhex("000011be000000008100000000000000") if pong else b""
    return bytes.fromhex("0600ff06000011be") + bytes((0x40 if pong else 0x80, 68, 0, len(body))) + body


def message(function: int, command: int, body: bytes, *, authenticated: bool = False) -> bytes:
    """A message of version 1.5 with its checksums."""
    head = bytes((0x81, function << 2))
    rest = bytes((0x20, 0x38, command)) + body
    data = head + bytes((-sum(head) & 0xFF,)) + rest + bytes((-sum(rest) & 0xFF,))
    code = bytes(range(16)) if authenticated else b""
    return b"\x06\0\xff\x07" + bytes((2 if code else 0,)) + bytes(8) + code + bytes((len(data),)) + data


def session(payload: int, body: bytes) -> bytes:
    return struct.pack("<4sBB8xH", b"\x06\0\xff\x07", 6, payload, len(body)) + body


def algorithms(number: int) -> bytes:
    return b"".join(bytes((kind, 0, 0, 8, number if kind == 0 else 1, 0, 0, 0)) for kind in range(3))


def opening(number: int) -> bytes:
    return session(0x10, bytes(4) + CONSOLE + algorithms(number))


def opened(number: int, status: int = 0) -> bytes:
    accepted = bytes((0, status, 4, 0)) + CONSOLE + MANAGED + algorithms(number)
    return session(0x11, accepted if not status else accepted[:8])


def rakp_1(user: bytes, number: int = 7) -> bytes:
    return session(0x12, bytes(4) + MANAGED + bytes((number,)) * 16 + b"\x14\0\0" + bytes((len(user),)) + user)


def rakp_2(status: int = 0, code: int = 20) -> bytes:
    return session(0x13, bytes((0, status, 0, 0)) + CONSOLE + (bytes(range(32 + code)) if not status else b""))


def rakp_3(status: int = 0) -> bytes:
    return session(0x14, bytes((0, status, 0, 0)) + MANAGED + (bytes(20) if not status else b""))


def rakp_4(status: int = 0) -> bytes:
    return session(0x15, bytes((0, status, 0, 0)) + CONSOLE + (bytes(12) if not status else b""))


CHANNEL = message(7, 0x38, bytes.fromhex("0001970603a2020000"))
DEVICE = message(7, 0x01, bytes.fromhex("0020010321029fa20200000100000000"), authenticated=True)


def frames() -> Frames:
    story = [
        (True, presence(False)), (False, presence(True)), (False, CHANNEL),
        (True, opening(1)), (False, opened(1)), (True, rakp_1(b"admin")), (False, rakp_2()), (True, rakp_3()),
        (False, rakp_4()), (True, rakp_1(b"nobody")), (False, rakp_2(0x0D)), (True, opening(0)), (False, opened(0)),
        (False, opened(0, 0x11)), (False, DEVICE),
    ]  # fmt: skip
    for sent, payload in story:
        if sent:
            yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 50623, 623, payload)
        else:
            yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 623, 50623, payload)
