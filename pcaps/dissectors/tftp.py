"""TFTP: VoIP phones read their settings, one with options; a switch writes its configuration."""

from __future__ import annotations

from pcaps.dissectors._frames import GATEWAY, PBX, PHONE, Frames, udp


def request(operation: int, *fields: str) -> bytes:
    return bytes((0, operation)) + b"".join(word.encode() + b"\0" for word in fields)


def frames() -> Frames:
    yield udp(PHONE, PBX, "10.20.30.12", "10.20.30.5", 49200, 69, request(1, "SEP02005E005302.cnf.xml", "octet"))
    yield udp(
        PHONE,
        PBX,
        "10.20.30.12",
        "10.20.30.5",
        49201,
        69,
        request(1, "y000000000065.cfg", "octet", "tsize", "0", "blksize", "1428"),
    )
    yield udp(GATEWAY, PBX, "10.20.30.1", "10.20.30.5", 51000, 69, request(2, "sw-core-1-confg", "NetASCII"))
