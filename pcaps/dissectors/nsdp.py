"""NSDP (Netgear): a read request, the response of a switch, one about another switch, a write with a password and its
rejection.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, ip, mac, udp

SWITCH = "a0:40:a0:5e:53:34"


def message(operation: int, device: str, fields: list[tuple[int, bytes]], status: int = 0) -> bytes:
    head = struct.pack("!BBHI6s6sHH4sI", 1, operation, status, 0, mac(DESKTOP), mac(device), 0, 1, b"NSDP", 0)
    return head + b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in fields) + b"\xff\xff\0\0"


def frames() -> Frames:
    requested = [(kind, b"") for kind in (1, 3, 4, 6, 13)]
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 63321, 63322, message(1, "00:00:00:00:00:00", requested))
    values = [(1, b"GS108Ev3"), (3, b"floor-3"), (4, mac(SWITCH)), (6, ip("10.20.30.68")), (13, b"2.06.24EN")]
    yield udp(SWITCH, ALL, "10.20.30.68", "255.255.255.255", 63322, 63321, message(2, SWITCH, values))
    yield udp(SWITCH, ALL, "10.20.30.68", "255.255.255.255", 63322, 63321, message(2, "a0:40:a0:5e:53:35", values))
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        63321,
        63322,
        message(3, SWITCH, [(10, b"secret"), (3, b"mine")]),
    )
    yield udp(SWITCH, ALL, "10.20.30.68", "255.255.255.255", 63322, 63321, message(4, SWITCH, [], 0x0700))
