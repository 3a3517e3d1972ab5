"""TDS: a rejected login in cleartext, a rejected login in TLS, an accepted login by NTLM, and a server that encrypts
the whole connection.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation
from pcaps.dissectors._smb import ntlm_authenticate, ntlm_challenge, ntlm_negotiate, version

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 1433)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBHHBB", kind, 1, 8 + len(body), 0, 1, 0) + body


def options(encryption: int) -> bytes:
    return struct.pack("!BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + bytes((15, 0, 0x07, 0xD0, 0, 0, encryption))


def obfuscated(password: str) -> bytes:
    return bytes(((byte << 4 & 0xF0) | byte >> 4) ^ 0xA5 for byte in password.encode("utf-16-le"))


def login(user: str, password: str, token: bytes = b"") -> bytes:
    """A LOGIN7 message: names and password after a fixed part of 94 bytes."""
    places, rest = b"", b""
    for raw in (
        "DESK-04".encode("utf-16-le"),
        user.encode("utf-16-le"),
        obfuscated(password),
        "app".encode("utf-16-le"),
        b"",
        b"",
        b"",
        b"",
        b"",
    ):
        places += struct.pack("<HH", 94 + len(rest), len(raw) // 2)
        rest += raw
    places += bytes(6) + struct.pack("<HH", 94 + len(rest), len(token)) + bytes(12)
    body = (
        struct.pack("<IIIIIIII", 94 + len(rest) + len(token), 0x74000004, 4096, 7, 1, 0, 0x3E0, 0) + bytes(4) + places
    )
    return message(0x10, body[:94].ljust(94, b"\0") + rest + token)


def token(kind: int, body: bytes) -> bytes:
    return struct.pack("<BH", kind, len(body)) + body


def error(number: int, text: str) -> bytes:
    raw = text.encode("utf-16-le")
    return token(0xAA, struct.pack("<IBBH", number, 1, 14, len(raw) // 2) + raw + bytes(6))


ACCEPTED = message(
    4, token(0xE3, b"\1\3s\0h\0p\0\0") + token(0xAB, bytes(20)) + token(0xAD, b"\1\x74\0\0\4\0\x0f\0\x07\xd0")
)
FAILED = message(4, error(18456, "Login failed for user 'sa'.") + b"\xfd\2\0\0\0\0\0\0\0\0\0\0\0")


def frames() -> Frames:
    parts = [
        (True, message(0x12, options(2))),
        (False, message(4, options(2))),
        (True, login("sa", "not to be kept")),
        (False, FAILED),
    ]
    yield from conversation((*CLIENT, 49440), SERVER, parts)
    record = b"\x17\x03\x03" + struct.pack("!H", 64) + bytes(64)
    parts = [
        (True, message(0x12, options(0))),
        (False, message(4, options(0))),
        (True, message(0x12, b"\x16\x03\x01\0\1a")),
    ]
    parts += [(False, message(0x12, b"\x16\x03\x03\0\1b")), (True, record), (False, FAILED)]
    yield from conversation((*CLIENT, 49441), SERVER, parts)
    system = version(10, 0, 17763)
    challenge = message(4, token(0xED, ntlm_challenge("OFFICE", {1: "SQL-1", 2: "OFFICE"}, system)))
    parts = [
        (True, message(0x12, options(2))),
        (False, message(4, options(2))),
        (True, login("", "", ntlm_negotiate(system))),
        (False, challenge),
    ]
    parts += [(True, message(0x11, ntlm_authenticate("anna", "OFFICE", "DESK-04", system))), (False, ACCEPTED)]
    yield from conversation((*CLIENT, 49442), SERVER, parts)
    yield from conversation(
        (*CLIENT, 49443), SERVER, [(True, message(0x12, options(1))), (False, message(4, options(3))), (True, record)]
    )
