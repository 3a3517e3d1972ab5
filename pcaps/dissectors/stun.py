"""STUN: a phone asks a server for its public address and gets it, over IPv4, IPv6 and in the form of RFC 3489; a relay
of Microsoft. TURN: a plug allocates a relay over TCP, is rejected at first, then gets one and sends media.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PHONE, Frames, conversation, ip, udp

HOST, SERVER = "10.20.30.31", "198.51.100.9"
HOST6, SERVER6 = "2001:db8:30::31", "2001:db8:99::9"
COOKIE, TRANSACTION = b"\x21\x12\xa4\x42", bytes(range(12))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind: int, *attributes: bytes, cookie: bytes = COOKIE) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HH", kind, len(body)) + cookie + TRANSACTION + body


def address(text: str, port: int, key: bytes = COOKIE + TRANSACTION) -> bytes:
    raw = struct.pack("!H", port) + ip(text)
    hidden = bytes(a ^ b for a, b in zip(raw, key[:2] + key, strict=False))
    return bytes((0, 1 if "." in text else 2)) + hidden


def software(text: str) -> bytes:
    return attribute(0x8022, text.encode())


def microsoft(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    """A message of [MS-TURN]: a nonce of odd size is not padded."""
    parts = [(0x0F, b"\x72\xc6\x4b\xc6"), (0x15, b"nonce"), *attributes]
    body = b"".join(struct.pack("!HH", type_, len(value)) + value for type_, value in parts)
    return struct.pack("!HH", kind, len(body)) + COOKIE + TRANSACTION + body


def to_server(payload: bytes, host: str = HOST, server: str = SERVER) -> bytes:
    return udp(PHONE, GATEWAY, host, server, 16400, 3478, payload)


def from_server(payload: bytes, host: str = HOST, server: str = SERVER) -> bytes:
    return udp(GATEWAY, PHONE, server, host, 3478, 16400, payload)


def frames() -> Frames:
    coturn = software("Coturn-4.6.1 'Gorst'")
    yield to_server(message(1, software("pjnath-2.14")))
    yield from_server(message(0x101, attribute(0x20, address("203.0.113.7", 41000)), coturn))
    yield to_server(message(1), HOST6, SERVER6)
    yield from_server(message(0x101, attribute(0x20, address(HOST6, 16400))), HOST6, SERVER6)
    old = b"\x51\x82\x0e\x77"
    yield to_server(message(1, attribute(3, bytes(4)), cookie=old))
    mapped = attribute(1, address("203.0.113.7", 41000, bytes(18)))
    yield from_server(message(0x101, mapped, software("Vovida.org 0.96"), cookie=old))
    yield from_server(microsoft(0x103, (1, address(SERVER, 3480, bytes(18))), (0x8020, address("203.0.113.7", 41002))))
    yield from relayed(coturn)


def relayed(server: bytes) -> Frames:
    udp_relay, realm = attribute(0x19, b"\x11\0\0\0"), attribute(0x14, b"relay.example")
    public = attribute(0x20, address("203.0.113.7", 41001))
    yield from conversation((PHONE, HOST, 16402), (GATEWAY, SERVER, 3478), [
        (True, message(3, udp_relay, software("pjnath-2.14"))),
        (False, message(0x113, attribute(9, b"\0\0\x04\x01Unauthorized"), realm, server)),
        (True, message(3, udp_relay, attribute(6, b"plug"), realm)),
        (False, message(0x103, attribute(0x16, address(SERVER, 50000)), public)),
        (True, struct.pack("!HH", 0x4000, 5) + b"media\0\0\0"),
    ])  # fmt: skip
