"""A workstation logs in over UDP, first without a proof, then with one, and asks over TCP for a ticket to a file
server; another machine is refused.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation, udp

REALM = "EXAMPLE.ORG"
AES, RC4 = 18, 23


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack("!H", len(body))
    return bytes([tag]) + size + body


def field(number: int, *parts: bytes) -> bytes:
    return der(0xA0 + number, *parts)


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(max((number.bit_length() + 8) // 8, 1), "big", signed=True))


def text(words: str) -> bytes:
    return der(27, words.encode())


def name(kind: int, *parts: str) -> bytes:
    return der(0x30, field(0, integer(kind)), field(1, der(0x30, *map(text, parts))))


def secret(etype: int, data: bytes) -> bytes:
    return der(0x30, field(0, integer(etype)), field(2, der(4, data)))


def ticket(etype: int, service: tuple[str, ...], data: bytes) -> bytes:
    return der(
        0x61,
        der(
            0x30,
            field(0, integer(5)),
            field(1, text(REALM)),
            field(2, name(2, *service)),
            field(3, secret(etype, data)),
        ),
    )


def proof(kind: int, value: bytes) -> bytes:
    return der(0x30, field(1, integer(kind)), field(2, der(4, value)))


def request(
    kind: int, client: str, service: tuple[str, ...], etypes: tuple[int, ...], proofs: bytes = b"", host: str = ""
) -> bytes:
    body = [field(0, der(3, b"\0\x40\x81\0\x10"))]
    body += [field(1, name(1, client))] if client else []
    body += [
        field(2, text(REALM)),
        field(3, name(2, *service)),
        field(5, der(24, b"20370913024805Z")),
        field(7, integer(12345678)),
    ]
    body += [field(8, der(0x30, *map(integer, etypes)))]
    body += (
        [field(9, der(0x30, der(0x30, field(0, integer(20)), field(1, der(4, host.ljust(15).encode() + b" ")))))]
        if host
        else []
    )
    proven = [field(3, der(0x30, proofs))] if proofs else []
    return der(
        0x60 + kind, der(0x30, field(1, integer(5)), field(2, integer(kind)), *proven, field(4, der(0x30, *body)))
    )


def reply(kind: int, client: str, granted: bytes, etype: int) -> bytes:
    part = [field(3, text(REALM)), field(4, name(1, client)), field(5, granted), field(6, secret(etype, b"r" * 40))]
    return der(0x60 + kind, der(0x30, field(0, integer(5)), field(1, integer(kind)), *part))


def error(code: int, service: tuple[str, ...], data: bytes = b"") -> bytes:
    part = [
        field(4, der(24, b"20260105083000Z")),
        field(5, integer(1)),
        field(6, integer(code)),
        field(9, text(REALM)),
        field(10, name(2, *service)),
    ]
    part += [field(12, der(4, data))] if data else []
    return der(0x7E, der(0x30, field(0, integer(5)), field(1, integer(30)), *part))


def frames() -> Frames:
    centre = ("krbtgt", REALM)

    def up(payload: bytes, port: int) -> bytes:
        return udp(DESKTOP, PBX, "10.20.30.66", "10.20.30.5", port, 88, payload)

    def down(payload: bytes, port: int) -> bytes:
        return udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.66", 88, port, payload)

    offered = der(
        0x30,
        proof(
            19,
            der(
                0x30,
                der(0x30, field(0, integer(AES)), field(1, text("EXAMPLE.ORGanna"))),
                der(0x30, field(0, integer(RC4))),
            ),
        ),
    )
    granted = ticket(AES, centre, b"t" * 48)
    yield up(request(10, "anna", centre, (18, 17, 23, 24, -135, 3), host="WS-FRONT"), 50001)
    yield down(error(25, centre, offered), 50001)
    yield up(request(10, "anna", centre, (18, 17, 23), proof(2, secret(AES, b"p" * 56)), "WS-FRONT"), 50002)
    yield down(reply(11, "anna", granted, AES), 50002)
    yield up(request(10, "WS-BACK$", centre, (18,)), 50003)
    yield down(error(6, centre), 50003)
    shown = der(
        0x6E,
        der(
            0x30,
            field(0, integer(5)),
            field(1, integer(14)),
            field(2, der(3, bytes(5))),
            field(3, granted),
            field(4, secret(AES, b"a" * 64)),
        ),
    )
    asked = request(12, "", ("cifs", "fs01.example.org"), (18, 17, 23), proof(1, shown))
    given = reply(13, "anna", ticket(RC4, ("cifs", "fs01.example.org"), b"s" * 48), AES)

    def framed(payload: bytes) -> bytes:
        return struct.pack("!I", len(payload)) + payload

    yield from conversation(
        (DESKTOP, "10.20.30.66", 50004),
        (PBX, "10.20.30.5", 88),
        [(True, framed(asked)[:200]), (True, framed(asked)[200:]), (False, framed(given))],
    )
