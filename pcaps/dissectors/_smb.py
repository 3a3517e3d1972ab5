"""Bricks of NetBIOS and SMB messages (RFC 1001, RFC 1002, [MS-CIFS], [MS-SMB2], [MS-NLMP])."""

from __future__ import annotations

import struct


def netbios_name(name: str, suffix: int, fill: bytes = b" ") -> bytes:
    """The encoded form with its length before and the empty scope behind it."""
    raw = name.encode("cp850").ljust(15, fill)[:15] + bytes((suffix,))
    return b"\x20" + bytes(65 + nibble for byte in raw for nibble in (byte >> 4, byte & 15)) + b"\0"


def mailslot(name: str, data: bytes) -> bytes:
    """A write to a mailslot: an SMB transaction with three setup words."""
    path = name.encode() + b"\0"
    start = 32 + 1 + 34 + 2 + len(path)
    words = struct.pack("<HHHHBBHIHHHHHBB3H", 0, len(data), 0, 0, 0, 0, 0, 0, 0, 0, 0, len(data), start, 3, 0, 1, 1, 2)
    return b"\xffSMB\x25" + bytes(27) + b"\x11" + words + struct.pack("<H", len(path) + len(data)) + path + data
