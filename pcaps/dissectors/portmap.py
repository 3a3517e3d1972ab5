"""Portmapper: GETPORT of an admin daemon and a call to it; a dump of all programs; GETADDR of NFS (version 4); a dump
over TCP, as rpcinfo 1.2.6 does, whose reply arrives in two segments; a call of the status monitor over TCP whose host
name is a format string.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation, udp


def call(xid: int, program: int, version: int, procedure: int, body: bytes = b"") -> bytes:
    return struct.pack("!IIIIIIIIII", xid, 0, 2, program, version, procedure, 0, 0, 0, 0) + body


def reply(xid: int, body: bytes) -> bytes:
    return struct.pack("!IIIIII", xid, 1, 0, 0, 0, 0) + body


def record(message: bytes) -> bytes:
    """A message over TCP."""
    return struct.pack("!I", 0x80000000 | len(message)) + message


def frames() -> Frames:
    def call_frame(port: int, xid: int, program: int, version: int, procedure: int, body: bytes = b"") -> bytes:
        message = call(xid, program, version, procedure, body)
        return udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 800, port, message)

    def reply_frame(xid: int, body: bytes) -> bytes:
        return udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 111, 800, reply(xid, body))

    yield call_frame(111, 1, 100000, 2, 3, struct.pack("!IIII", 100232, 10, 17, 0))
    yield reply_frame(1, struct.pack("!I", 32773))
    yield call_frame(32773, 2, 100232, 10, 1, bytes(40))
    yield call_frame(111, 3, 100000, 2, 4)
    yield reply_frame(3, struct.pack("!IIIIII", 1, 100000, 2, 17, 111, 0))
    yield call_frame(111, 4, 100000, 4, 3, struct.pack("!II", 100003, 3) + bytes(12))
    yield reply_frame(4, struct.pack("!I", 18) + b"10.20.30.13.8.1\0\0\0\0\0")
    listed = record(reply(5, struct.pack("!IIIIII", 1, 100000, 2, 6, 111, 0)))
    parts = [(True, record(call(5, 100000, 2, 4))), (False, listed[:9]), (False, listed[9:])]
    yield from conversation((DESKTOP, "10.20.30.14", 801), (PRINTER, "10.20.30.13", 111), parts)
    name = b"%8x%8x%62716x%hn%51859x%hn"
    status = call(6, 100024, 1, 1, struct.pack("!I", len(name)) + name.ljust(-(-len(name) // 4) * 4, b"\0"))
    yield from conversation((DESKTOP, "10.20.30.14", 802), (PRINTER, "10.20.30.13", 32768), [(True, record(status))])
