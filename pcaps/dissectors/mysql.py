"""A refused login, one that is accepted after a change of plugin, one with a clear password, one that goes on in TLS,
and a refused address.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 3306)
ABLE = 0x000FA685
PROOF = bytes(range(1, 21))


def message(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes((number,)) + body


def greeting(version: bytes = b"8.0.36-0ubuntu0.22.04.1", plugin: bytes = b"caching_sha2_password") -> bytes:
    able = struct.pack("<HBHHB", 0xFFFF, 255, 2, 0xDFFF, 21)
    return message(
        0,
        b"\n"
        + version
        + b"\0"
        + struct.pack("<I", 12)
        + PROOF[:8]
        + b"\0"
        + able
        + bytes(10)
        + PROOF[8:]
        + b"\0"
        + plugin
        + b"\0",
    )


def answer(user: bytes, plugin: bytes, proof: bytes = PROOF, able: int = ABLE | 8) -> bytes:
    body = (
        struct.pack("<IIB23x", able, 1 << 24, 255)
        + user
        + b"\0"
        + bytes((len(proof),))
        + proof
        + b"shop\0"
        + plugin
        + b"\0"
    )
    return message(1, body)


def refusal(number: int, code: int, text: bytes) -> bytes:
    return message(number, b"\xff" + struct.pack("<H", code) + b"#28000" + text)


def frames() -> Frames:
    done = message(4, b"\0\0\0\2\0\0\0")
    parts = [
        (False, greeting()),
        (True, answer(b"root", b"caching_sha2_password")),
        (False, refusal(2, 1045, b"Access denied for user 'root'")),
    ]
    yield from conversation((*CLIENT, 49410), SERVER, parts)
    switch = message(2, b"\xfemysql_native_password\0" + PROOF + b"\0")
    parts = [
        (False, greeting()),
        (True, answer(b"shop", b"caching_sha2_password")),
        (False, switch),
        (True, message(3, PROOF)),
        (False, done),
    ]
    yield from conversation((*CLIENT, 49411), SERVER, parts)
    clear = message(2, b"\xfemysql_clear_password\0")
    parts = [
        (False, greeting()),
        (True, answer(b"ldap", b"x", b"")),
        (False, clear),
        (True, message(3, b"not to be kept\0")),
        (False, done),
    ]
    yield from conversation((*CLIENT, 49412), SERVER, parts)
    hello = message(1, struct.pack("<IIB23x", ABLE | 0x800, 1 << 24, 255))
    yield from conversation(
        (*CLIENT, 49413),
        SERVER,
        [(False, greeting(b"10.11.6-MariaDB")), (True, hello), (True, b"\x16\x03\x01\0\5hello")],
    )
    yield from conversation(
        (*CLIENT, 49414), SERVER, [(False, refusal(0, 1130, b"Host '10.20.30.66' is not allowed to connect"))]
    )
