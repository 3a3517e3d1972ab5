"""RDP: a connection with network level authentication, one with standard RDP security in which the client sends its
name, a negotiation failure, and another protocol in TPKT.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 3389)


def tpkt(body: bytes) -> bytes:
    return struct.pack("!BBH", 3, 0, 4 + len(body)) + body


def request(cookie: bytes = b"", protocols: int = -1) -> bytes:
    rest = cookie + (struct.pack("<BBHI", 1, 0, 8, protocols) if protocols >= 0 else b"")
    return tpkt(struct.pack("!BBHHB", 6 + len(rest), 0xE0, 0, 0, 0) + rest)


def response(kind: int = 0, value: int = 0) -> bytes:
    rest = struct.pack("<BBHI", kind, 0, 8, value) if kind else b""
    return tpkt(struct.pack("!BBHHB", 6 + len(rest), 0xD0, 0, 0x1234, 0) + rest)


def settings(name: str, *channels: bytes) -> bytes:
    """The client settings of a GCC conference create request; only the part before them is omitted."""
    core = (
        struct.pack("<IHHHHII", 0x80004, 1280, 800, 0xCA01, 0xAA03, 0x407, 19041)
        + name.encode("utf-16-le").ljust(32, b"\0")
        + bytes(150)
    )
    block = b"\x01\xc0" + struct.pack("<H", 4 + len(core)) + core
    if channels:
        names = b"".join(struct.pack("<8sI", name, 0xC0800000) for name in channels)
        block += b"\x03\xc0" + struct.pack("<HI", 8 + len(names), len(channels)) + names
    return tpkt(b"\x02\xf0\x80\x7f\x65\x82\x01\x10\x04\x01\x01Duca\x80\xd8" + block)


def frames() -> Frames:
    cookie = b"Cookie: mstshash=OFFICE\\an\r\n"
    yield from conversation(
        (*CLIENT, 49450),
        SERVER,
        [(True, request(cookie, 11)), (False, response(2, 2)), (True, b"\x16\x03\x01\0\5hello")],
    )
    parts = [(True, request(b"Cookie: mstshash=root\r\n")), (False, response()), (True, settings("DESK-04"))]
    yield from conversation((*CLIENT, 49451), SERVER, parts)
    yield from conversation((*CLIENT, 49452), SERVER, [(True, request(protocols=0)), (False, response(3, 5))])
    other = tpkt(b"\x11\xe0\0\0\0\1\0\xc1\2\1\0\xc2\2\1\2\xc0\1\x0a")
    yield from conversation(
        (*CLIENT, 49453), (PBX, "10.20.30.5", 102), [(True, other), (False, tpkt(b"\x11\xd0\0\1\0\2\0\xc0\1\x0a"))]
    )
