"""Builders of NetBIOS, SMB and NTLM messages (RFC 1001, RFC 1002, [MS-CIFS], [MS-SMB2], [MS-NLMP])."""

from __future__ import annotations

import struct


def netbios_name(name: str, suffix: int, fill: bytes = b" ") -> bytes:
    """The encoded name, with its length and the empty scope."""
    raw = name.encode("cp850").ljust(15, fill)[:15] + bytes((suffix,))
    return b"\x20" + bytes(65 + nibble for byte in raw for nibble in (byte >> 4, byte & 15)) + b"\0"


def mailslot(name: str, data: bytes) -> bytes:
    """A mailslot write: an SMB transaction with three setup words."""
    path = name.encode() + b"\0"
    start = 32 + 1 + 34 + 2 + len(path)
    words = struct.pack("<HHHHBBHIHHHHHBB3H", 0, len(data), 0, 0, 0, 0, 0, 0, 0, 0, 0, len(data), start, 3, 0, 1, 1, 2)
    return b"\xffSMB\x25" + bytes(27) + b"\x11" + words + struct.pack("<H", len(path) + len(data)) + path + data


def session(data: bytes, kind: int = 0) -> bytes:
    """A NetBIOS session message with its length."""
    return struct.pack("!I", kind << 24 | len(data)) + data


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _fields(at: int, *values: bytes) -> tuple[bytes, bytes]:
    """Lengths and offsets of consecutive values that begin at an offset, and the values."""
    heads, data = b"", b""
    for value in values:
        heads += struct.pack("<HHI", len(value), len(value), at + len(data))
        data += value
    return heads, data


def version(major: int, minor: int, build: int) -> bytes:
    return struct.pack("<BBHI", major, minor, build, 0x0F000000)


def ntlm_negotiate(system: bytes) -> bytes:
    return b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + system


def ntlm_challenge(target: str, pairs: dict[int, str], system: bytes, flags: int = 0xE2898215) -> bytes:
    info = b"".join(struct.pack("<HH", kind, len(wide(text))) + wide(text) for kind, text in pairs.items()) + bytes(4)
    heads, data = _fields(56, wide(target), info)
    return (
        b"NTLMSSP\0"
        + struct.pack("<I", 2)
        + heads[:8]
        + struct.pack("<I", flags)
        + bytes(range(8))
        + bytes(8)
        + heads[8:]
        + system
        + data
    )


def ntlm_authenticate(
    user: str,
    domain: str,
    workstation: str,
    system: bytes,
    *,
    lm: bytes = bytes(24),
    nt: bytes = b"\1" * 60,
    flags: int = 0xE2888215,
) -> bytes:
    heads, data = _fields(72, lm, nt, wide(domain), wide(user), wide(workstation), b"")
    return b"NTLMSSP\0" + struct.pack("<I", 3) + heads + struct.pack("<I", flags) + system + data


def spnego(token: bytes) -> bytes:
    """A stand-in for a SPNEGO token: the dissector searches for the NTLMSSP signature."""
    return b"\x60\x48\x06\x06+\x06\1\5\5\2" + token


def smb2(
    command: int,
    body: bytes,
    *,
    id_: int,
    response: bool = False,
    status: int = 0,
    tree: int = 0,
    user: int = 0,
    next_: int = 0,
    related: bool = False,
) -> bytes:
    head = struct.pack(
        "<4sHHIHHIIQIIQ", b"\xfeSMB", 64, 1, status, command, 1, response | related << 2, next_, id_, 0xFEFF, tree, user
    )
    return head + bytes(16) + body


def smb1(
    command: int,
    words: bytes,
    data: bytes,
    *,
    response: bool = False,
    status: int = 0,
    tree: int = 0,
    user: int = 0,
    id_: int = 1,
) -> bytes:
    """An SMB 1 message. Strings are UTF-16."""
    head = struct.pack(
        "<4sBIBH12xHHHH", b"\xffSMB", command, status, 0x98 if response else 0x18, 0xC801, tree, 0xFEFF, user, id_
    )
    return head + bytes((len(words) // 2,)) + words + struct.pack("<H", len(data)) + data
