"""RADIUS: PEAP of a station, rejected; PAP of a VPN user, accepted; MS-CHAPv2 and CHAP without a station; MAC
authentication; EAP-MD5.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

NAS, SERVER = "10.20.30.1", "10.20.30.14"
VENDOR, EAP = 26, 79


def attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def message(code: int, number: int, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!BBH", code, number, 20 + len(body)) + bytes(range(16)) + body


def eap(kind: int, content: bytes) -> bytes:
    return attribute(EAP, struct.pack("!BBHB", 2, 3, 5 + len(content), kind) + content)


def frames() -> Frames:
    def sent(data: bytes) -> bytes:
        return udp(GATEWAY, DESKTOP, NAS, SERVER, 50500, 1812, data)

    def answered(data: bytes) -> bytes:
        return udp(DESKTOP, GATEWAY, SERVER, NAS, 1812, 50500, data)

    station, port = attribute(31, b"02-00-5E-00-53-02"), attribute(5, struct.pack("!I", 17))
    user = attribute(1, b"CORP\\m.meyer")
    yield sent(message(1, 1, user, station, port, eap(25, bytes(60))))
    yield answered(message(3, 1, attribute(EAP, struct.pack("!BBH", 4, 3, 4))))
    yield sent(message(1, 2, attribute(1, b"anna@example.net"), attribute(2, bytes(16)), attribute(31, b"203.0.113.7")))
    yield answered(message(2, 2, attribute(18, b"Welcome")))
    fields = [struct.pack("!IBB", 311, kind, size + 2) + bytes(size) for kind, size in ((11, 16), (25, 50))]
    yield sent(message(1, 3, user, *(attribute(VENDOR, field) for field in fields)))
    yield sent(message(1, 4, user, attribute(3, bytes(17))))
    yield sent(message(1, 5, attribute(1, b"02005e005303"), attribute(2, bytes(16)), attribute(31, b"0200.5e00.5303")))
    yield sent(message(1, 6, attribute(1, b"guest"), station, eap(4, bytes(17))))
    yield sent(message(1, 7, attribute(1, b"guest"), station, eap(1, b"guest")))
