"""IKE: an IKEv2 authentication that a VPN gateway rejects, the start of another one behind NAT, IKEv1 aggressive mode
with a group name, a notification.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

HOST, GATE = "10.20.30.14", "10.20.30.1"
CLIENT_SPI, GATEWAY_SPI = bytes(range(1, 9)), bytes(range(11, 19))


def message(
    version: int, exchange: int, next_payload: int, body: bytes, *, flags: int = 0, responder: bytes = GATEWAY_SPI,
    number: int = 0, initiator: bytes = CLIENT_SPI,
) -> bytes:  # fmt: skip
    size = 28 + len(body)
    return (
        initiator + responder + struct.pack("!BBBBII", next_payload, version << 4, exchange, flags, number, size) + body
    )


def payload(next_payload: int, body: bytes) -> bytes:
    return struct.pack("!BBH", next_payload, 0, 4 + len(body)) + body


def group(name: bytes) -> bytes:
    """The first message of aggressive mode: a proposal and a group name."""
    body = payload(5, b"\0\0\0\1" + bytes(20)) + payload(0, struct.pack("!BBH", 11, 17, 500) + name)
    return message(1, 4, 1, body, responder=bytes(8))


def notification(kind: int) -> bytes:
    return message(1, 5, 11, payload(0, struct.pack("!IBBH", 1, 1, 0, kind)))


def frames() -> Frames:
    def from_client(data: bytes, port: int = 500) -> bytes:
        return udp(DESKTOP, GATEWAY, HOST, GATE, port, port, data)

    def from_gateway(data: bytes, port: int = 500) -> bytes:
        return udp(GATEWAY, DESKTOP, GATE, HOST, port, port, data)

    start = payload(34, bytes(44)) + payload(40, bytes(68)) + payload(0, bytes(32))
    yield from_client(message(2, 34, 33, start, flags=0x08, responder=bytes(8)))
    yield from_gateway(message(2, 34, 33, start, flags=0x20))
    yield from_client(message(2, 35, 46, payload(35, bytes(200)), flags=0x08, number=1))
    yield from_gateway(message(2, 35, 46, payload(41, bytes(48)), flags=0x20, number=1))
    half_open = message(2, 34, 33, start, flags=0x08, responder=bytes(8), initiator=CLIENT_SPI[::-1])
    yield from_client(bytes(4) + half_open, 4500)
    yield from_client(group(b"staff"))
    yield from_gateway(notification(24))
