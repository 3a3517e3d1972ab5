"""LIFX: a discovery request; service, firmware, product, label and light state of a lamp; a command; a state with
another target.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, mac, udp

LAMP = "d0:73:d5:5e:53:26"


def message(kind: int, body: bytes = b"", target: str = "00:00:00:00:00:00") -> bytes:
    return (
        struct.pack(
            "<HHI8s6xBB8xHH", 36 + len(body), 0x3400 if kind == 2 else 0x1400, 7, mac(target) + b"\0\0", 1, 5, kind, 0
        )
        + body
    )


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 56700, message(2))
    label = b"Reception".ljust(32, b"\0")
    states = (
        (3, struct.pack("<BI", 1, 56700)),
        (15, struct.pack("<QQHH", 1, 0, 70, 3)),
        (33, struct.pack("<III", 1, 27, 0)),
        (25, label),
        (107, struct.pack("<HHHHhH", 0, 0, 65535, 3500, 0, 65535) + label + bytes(8)),
    )
    for kind, body in states:
        yield udp(LAMP, DESKTOP, "10.20.30.56", "10.20.30.14", 56700, 50000, message(kind, body, LAMP))
    yield udp(DESKTOP, LAMP, "10.20.30.14", "10.20.30.56", 50000, 56700, message(21, b"\xff\xff", LAMP))
    yield udp(
        LAMP,
        DESKTOP,
        "10.20.30.56",
        "10.20.30.14",
        56700,
        50000,
        message(33, struct.pack("<III", 1, 31, 0), "d0:73:d5:5e:53:27"),
    )
