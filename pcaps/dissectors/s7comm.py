"""S7comm: an engineering station connects to a controller, requests its order number, reads, writes, downloads a block,
stops and starts the controller.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation


def tpkt(cotp: bytes) -> bytes:
    return struct.pack("!BBH", 3, 0, 4 + len(cotp)) + cotp


def message(kind: int, parameters: bytes, data: bytes = b"") -> bytes:
    error = b"\0\0" if kind == 3 else b""
    head = struct.pack("!BBHHHH", 0x32, kind, 0, 1, len(parameters), len(data))
    return tpkt(b"\x02\xf0\x80" + head + error + parameters + data)


def service(name: bytes, argument: bytes = b"") -> bytes:
    """A program invocation (PI) service."""
    return b"\x28" + bytes(6) + b"\xfd" + struct.pack("!H", len(argument)) + argument + bytes((len(name),)) + name


def frames() -> Frames:
    read = b"\x04\x01\x12\x0a\x10\x02\x00\x01\x00\x01\x84\x00\x00\x00"
    module = b"\xff\x09\x00\x24\x00\x11\x00\x00\x00\x1c\x00\x01\x00\x01" + b"6ES7 315-2EH14-0AB0 " + bytes(6)
    parts = [
        (True, tpkt(bytes.fromhex("11e00000000100c0010ac1020100c2020102"))),
        (False, tpkt(bytes.fromhex("11d00001000200c0010ac1020100c2020102"))),
        (True, message(1, bytes.fromhex("f0000001000101e0"))),
        (False, message(3, bytes.fromhex("f0000001000100f0"))),
        (True, message(7, bytes.fromhex("0001120411440100"), bytes.fromhex("ff09000400110000"))),
        (False, message(7, bytes.fromhex("000112081284010100000000"), module)),
        (True, message(1, read)),
        (False, message(3, b"\x04\x01", b"\xff\x04\x00\x08\x2a")),
        (True, message(1, read) + message(1, b"\x05" + read[1:], b"\x00\x04\x00\x08\x2b")),
        (False, message(3, b"\x04\x01", b"\xff\x04\x00\x08\x2a") + message(3, b"\x05\x01", b"\xff")),
        (True, message(1, b"\x1a" + bytes(7) + b"\x09_0800001P\x0d1000408000142")),
        (False, message(3, b"\x1a")),
        (True, message(1, service(b"_INSE", b"\x01\x000800001P"))),
        (False, message(3, b"\x28")),
        (True, message(1, b"\x29" + bytes(5) + b"\x09P_PROGRAM")),
        (False, message(3, b"\x29")),
        (True, message(1, service(b"P_PROGRAM"))),
        (False, message(3, b"\x28")),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50302), (PRINTER, "10.20.30.13", 102), parts)
