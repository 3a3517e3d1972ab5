"""Kerberos: a workstation authenticates over UDP, first without and then with pre-authentication, and requests a
service ticket for a file server over TCP; another host gets an error.
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


def text(value: str) -> bytes:
    return der(27, value.encode())


def name(kind: int, *parts: str) -> bytes:
    return der(0x30, field(0, integer(kind)), field(1, der(0x30, *map(text, parts))))


def encrypted_data(etype: int, data: bytes) -> bytes:
    return der(0x30, field(0, integer(etype)), field(2, der(4, data)))


def ticket(etype: int, service: tuple[str, ...], data: bytes) -> bytes:
    return der(
        0x61,
        der(
            0x30,
            field(0, integer(5)),
            field(1, text(REALM)),
            field(2, name(2, *service)),
            field(3, encrypted_data(etype, data)),
        ),
    )


def padata_entry(kind: int, value: bytes) -> bytes:
    return der(0x30, field(1, integer(kind)), field(2, der(4, value)))


def request(
    kind: int,
    client: str,
    service: tuple[str, ...],
    etypes: tuple[int, ...],
    padata_entries: bytes = b"",
    host: str = "",
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
    padata = [field(3, der(0x30, padata_entries))] if padata_entries else []
    return der(
        0x60 + kind, der(0x30, field(1, integer(5)), field(2, integer(kind)), *padata, field(4, der(0x30, *body)))
    )


def reply(kind: int, client: str, granted: bytes, etype: int) -> bytes:
    part = [
        field(3, text(REALM)),
        field(4, name(1, client)),
        field(5, granted),
        field(6, encrypted_data(etype, b"r" * 40)),
    ]
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
    krbtgt = ("krbtgt", REALM)

    def to_kdc(payload: bytes, port: int) -> bytes:
        return udp(DESKTOP, PBX, "10.20.30.66", "10.20.30.5", port, 88, payload)

    def from_kdc(payload: bytes, port: int) -> bytes:
        return udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.66", 88, port, payload)

    etype_info = der(
        0x30,
        padata_entry(
            19,
            der(
                0x30,
                der(0x30, field(0, integer(AES)), field(1, text("EXAMPLE.ORGanna"))),
                der(0x30, field(0, integer(RC4))),
            ),
        ),
    )
    granted = ticket(AES, krbtgt, b"t" * 48)
    yield to_kdc(request(10, "anna", krbtgt, (18, 17, 23, 24, -135, 3), host="WS-FRONT"), 50001)
    yield from_kdc(error(25, krbtgt, etype_info), 50001)
    yield to_kdc(
        request(10, "anna", krbtgt, (18, 17, 23), padata_entry(2, encrypted_data(AES, b"p" * 56)), "WS-FRONT"), 50002
    )
    yield from_kdc(reply(11, "anna", granted, AES), 50002)
    yield to_kdc(request(10, "WS-BACK$", krbtgt, (18,)), 50003)
    yield from_kdc(error(6, krbtgt), 50003)
    ap_request = der(
        0x6E,
        der(
            0x30,
            field(0, integer(5)),
            field(1, integer(14)),
            field(2, der(3, bytes(5))),
            field(3, granted),
            field(4, encrypted_data(AES, b"a" * 64)),
        ),
    )
    tgs_request = request(12, "", ("cifs", "fs01.example.org"), (18, 17, 23), padata_entry(1, ap_request))
    tgs_reply = reply(13, "anna", ticket(RC4, ("cifs", "fs01.example.org"), b"s" * 48), AES)

    def framed(payload: bytes) -> bytes:
        return struct.pack("!I", len(payload)) + payload

    yield from conversation(
        (DESKTOP, "10.20.30.66", 50004),
        (PBX, "10.20.30.5", 88),
        [(True, framed(tgs_request)[:200]), (True, framed(tgs_request)[200:]), (False, framed(tgs_reply))],
    )
