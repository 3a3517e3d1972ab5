"""Synology Assistant: a discovery request, the response of a NAS, one about another NAS, a command with a password, an
encrypted message.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, ip, udp

NAS = "00:11:32:5e:53:32"


def message(*fields: tuple[int, bytes]) -> bytes:
    return b"\x12\x34\x56\x78SYNO" + b"".join(struct.pack("BB", kind, len(value)) + value for kind, value in fields)


def answer(mac: str, address: str) -> bytes:
    named = (
        (0x11, b"archive"),
        (0x12, ip(address)),
        (0x19, mac.encode()),
        (0x70, b"synology_apollolake_918+"),
        (0x77, b"7.2-64570"),
        (0x78, b"DS918+"),
    )
    return message(
        (1, struct.pack("<I", 2)), *named, (0xC0, b"1780PDN123456"), (0xC1, b"DSM"), (0x49, struct.pack("<I", 64570))
    )


def frames() -> Frames:
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        9998,
        9999,
        message((1, struct.pack("<I", 1)), (0x7C, b"02:00:5e:00:53:04")),
    )
    yield udp(NAS, ALL, "10.20.30.66", "255.255.255.255", 9999, 9999, answer(NAS, "10.20.30.66"))
    yield udp(NAS, ALL, "10.20.30.66", "255.255.255.255", 9999, 9999, answer("00:11:32:5e:53:33", "10.20.30.67"))
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        9998,
        9999,
        message((1, struct.pack("<I", 4)), (0x29, NAS.encode()), (0x4A, b"admin"), (0x2A, b"secret")),
    )
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 9998, 9999, b"\x12\x34\x55\x66SYNO" + bytes(range(32)))
