"""A login at a VPN gateway that is rejected (IKEv2), the beginning of another one behind NAT, and aggressive mode of
IKEv1 with the name of a group and a notification.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

HOST, GATE = "10.20.30.14", "10.20.30.1"
CLIENT_SPI, GATEWAY_SPI = bytes(range(1, 9)), bytes(range(11, 19))


def message(
    version: int, exchange: int, following: int, body: bytes, *, flags: int = 0, responder: bytes = GATEWAY_SPI,
    number: int = 0, initiator: bytes = CLIENT_SPI,
) -> bytes:  # fmt: skip
    size = 28 + len(body)
    return initiator + responder + struct.pack("!BBBBII", following, version << 4, exchange, flags, number, size) + body


def payload(following: int, body: bytes) -> bytes:
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def group(name: bytes) -> bytes:
    """The first message of aggressive mode: a proposal, and the name of a group."""
    body = payload(5, b"\0\0\0\1" + bytes(20)) + payload(0, struct.pack("!BBH", 11, 17, 500) + name)
    return message(1, 4, 1, body, responder=bytes(8))


def notification(kind: int) -> bytes:
    return message(1, 5, 11, payload(0, struct.pack("!IBBH", 1, 1, 0, kind)))


def frames() -> Frames:
    def sent(data: bytes, port: int = 500) -> bytes:
        return udp(DESKTOP, GATEWAY, HOST, GATE, port, port, data)

    def answered(data: bytes, port: int = 500) -> bytes:
        return udp(GATEWAY, DESKTOP, GATE, HOST, port, port, data)

    start = payload(34, bytes(44)) + payload(40, bytes(68)) + payload(0, bytes(32))
    yield sent(message(2, 34, 33, start, flags=0x08, responder=bytes(8)))
    yield answered(message(2, 34, 33, start, flags=0x20))
    yield sent(message(2, 35, 46, payload(35, bytes(200)), flags=0x08, number=1))
    yield answered(message(2, 35, 46, payload(41, bytes(48)), flags=0x20, number=1))
    again = message(2, 34, 33, start, flags=0x08, responder=bytes(8), initiator=CLIENT_SPI[::-1])
    yield sent(bytes(4) + again, 4500)
    yield sent(group(b"staff"))
    yield answered(notification(24))
