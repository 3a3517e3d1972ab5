"""PostgreSQL: SCRAM authentication, a rejected MD5 authentication, a cleartext password after TLS was refused, a
connection that continues in TLS, trust authentication.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 5432)
TLS_REQUEST = struct.pack("!II", 8, 80877103)


def start(user: bytes) -> bytes:
    body = struct.pack("!I", 3 << 16) + b"user\0" + user + b"\0database\0shop\0application_name\0psql\0\0"
    return struct.pack("!I", 4 + len(body)) + body


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(body)) + body


def authentication_request(code: int, more: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!I", code) + more)


def error(code: bytes) -> bytes:
    return message(b"E", b"SFATAL\0VFATAL\0C" + code + b'\0Mpassword authentication failed for user "x"\0\0')


READY = (
    authentication_request(0)
    + message(b"S", b"server_encoding\0UTF8\0")
    + message(b"S", b"server_version\0" + b"15.5 (Debian 15.5-0+deb12u1)\0")
    + message(b"Z", b"I")
)


def frames() -> Frames:
    parts = [
        (True, start(b"shop")),
        (False, authentication_request(10, b"SCRAM-SHA-256\0\0")),
        (True, message(b"p", b"SCRAM-SHA-256\0\0\0\0\4n,,n")),
    ]
    parts += [
        (False, authentication_request(11, b"r=1,s=2,i=4096")),
        (True, message(b"p", b"c=biws,r=1,p=3")),
        (False, authentication_request(12, b"v=4") + READY),
    ]
    yield from conversation((*CLIENT, 49420), SERVER, parts)
    parts = [
        (True, start(b"postgres")),
        (False, authentication_request(5, b"salt")),
        (True, message(b"p", b"md50123456789abcdef\0")),
        (False, error(b"28P01")),
    ]
    yield from conversation((*CLIENT, 49421), SERVER, parts)
    parts = [
        (True, TLS_REQUEST),
        (False, b"N"),
        (True, start(b"report")),
        (False, authentication_request(3)),
        (True, message(b"p", b"not to be kept\0")),
        (False, READY),
    ]
    yield from conversation((*CLIENT, 49422), SERVER, parts)
    yield from conversation(
        (*CLIENT, 49423), SERVER, [(True, TLS_REQUEST), (False, b"S"), (True, b"\x16\x03\x01\0\5hello")]
    )
    yield from conversation(
        (*CLIENT, 49424), SERVER, [(True, start(b"backup")), (False, READY), (True, message(b"Q", b"select 1\0"))]
    )
