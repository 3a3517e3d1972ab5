"""MySQL: a rejected login, an accepted login after an authentication method switch, one with a cleartext password, one
that continues in TLS, and a blocked host.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 3306)
CAPABILITIES = 0x000FA685
AUTH_DATA = bytes(range(1, 21))


def message(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes((number,)) + body


def greeting(version: bytes = b"8.0.36-0ubuntu0.22.04.1", plugin: bytes = b"caching_sha2_password") -> bytes:
    capabilities = struct.pack("<HBHHB", 0xFFFF, 255, 2, 0xDFFF, 21)
    return message(
        0,
        b"\n"
        + version
        + b"\0"
        + struct.pack("<I", 12)
        + AUTH_DATA[:8]
        + b"\0"
        + capabilities
        + bytes(10)
        + AUTH_DATA[8:]
        + b"\0"
        + plugin
        + b"\0",
    )


def handshake_response(
    user: bytes, plugin: bytes, auth_data: bytes = AUTH_DATA, capabilities: int = CAPABILITIES | 8
) -> bytes:
    body = (
        struct.pack("<IIB23x", capabilities, 1 << 24, 255)
        + user
        + b"\0"
        + bytes((len(auth_data),))
        + auth_data
        + b"shop\0"
        + plugin
        + b"\0"
    )
    return message(1, body)


def error(number: int, code: int, text: bytes) -> bytes:
    return message(number, b"\xff" + struct.pack("<H", code) + b"#28000" + text)


def frames() -> Frames:
    done = message(4, b"\0\0\0\2\0\0\0")
    parts = [
        (False, greeting()),
        (True, handshake_response(b"root", b"caching_sha2_password")),
        (False, error(2, 1045, b"Access denied for user 'root'")),
    ]
    yield from conversation((*CLIENT, 49410), SERVER, parts)
    switch = message(2, b"\xfemysql_native_password\0" + AUTH_DATA + b"\0")
    parts = [
        (False, greeting()),
        (True, handshake_response(b"shop", b"caching_sha2_password")),
        (False, switch),
        (True, message(3, AUTH_DATA)),
        (False, done),
    ]
    yield from conversation((*CLIENT, 49411), SERVER, parts)
    clear = message(2, b"\xfemysql_clear_password\0")
    parts = [
        (False, greeting()),
        (True, handshake_response(b"ldap", b"x", b"")),
        (False, clear),
        (True, message(3, b"not to be kept\0")),
        (False, done),
    ]
    yield from conversation((*CLIENT, 49412), SERVER, parts)
    hello = message(1, struct.pack("<IIB23x", CAPABILITIES | 0x800, 1 << 24, 255))
    yield from conversation(
        (*CLIENT, 49413),
        SERVER,
        [(False, greeting(b"10.11.6-MariaDB")), (True, hello), (True, b"\x16\x03\x01\0\5hello")],
    )
    yield from conversation(
        (*CLIENT, 49414), SERVER, [(False, error(0, 1130, b"Host '10.20.30.66' is not allowed to connect"))]
    )
