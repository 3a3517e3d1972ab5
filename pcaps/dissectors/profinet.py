"""PROFINET: searches for all stations and for one, the response of a controller, the announcement of a device, Set
requests for name, address and factory settings, and a blinking light.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, ethernet, ip

GROUP = "01:0e:cf:00:00:00"
HELLO, GET_SET, SEARCH, FOUND = 0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF


def block(option: int, suboption: int, value: bytes) -> bytes:
    return struct.pack("!BBH", option, suboption, len(value)) + value + bytes(len(value) & 1)


def message(frame: int, service: int, kind: int, *blocks: bytes) -> bytes:
    body = b"".join(blocks)
    return struct.pack("!HBBIHH", frame, service, kind, 0x1000001, 0, len(body)) + body


def station(name: bytes, model: bytes, device: int, role: int, address: str) -> list[bytes]:
    """The blocks that describe a station, each with its information in front."""
    ends = ip(address) + ip("255.255.255.0") + ip("10.20.30.1")
    return [
        block(2, 1, b"\0\0" + model), block(2, 2, b"\0\0" + name), block(2, 3, struct.pack("!HHH", 0, 0x2A, device)),
        block(2, 4, bytes((0, 0, role, 0))), block(1, 2, b"\0\1" + ends),
    ]  # fmt: skip


CONTROLLER = message(FOUND, 5, 1, *station(b"plc-press-2", b"S7-1200", 0x010D, 2, "10.20.30.13"))


def frames() -> Frames:
    moved = ip("10.20.30.99") + ip("255.255.255.0") + ip("0.0.0.0")
    story = [
        (DESKTOP, GROUP, message(SEARCH, 5, 0, block(0xFF, 0xFF, b""))),
        (DESKTOP, GROUP, message(SEARCH, 5, 0, block(2, 2, b"plc-press-2"))),
        (PRINTER, DESKTOP, CONTROLLER),
        (PRINTER, GROUP, message(HELLO, 6, 0, *station(b"et-1", b"ET200SP", 0x0313, 1, "0.0.0.0"))),
        (DESKTOP, PRINTER, message(GET_SET, 4, 0, block(2, 2, b"\0\1press"), block(5, 2, b"\0\1"))),
        (PRINTER, DESKTOP, message(GET_SET, 4, 1, block(5, 4, b"\2\2\0"))),
        (DESKTOP, PRINTER, message(GET_SET, 4, 0, block(1, 2, b"\0\1" + moved))),
        (DESKTOP, PRINTER, message(GET_SET, 4, 0, block(5, 6, b"\0\4"))),
        (DESKTOP, PRINTER, message(GET_SET, 4, 0, block(5, 3, b"\0\0\1\0"))),
        (DESKTOP, PRINTER, message(GET_SET, 3, 0, b"\2\2")),
    ]
    for source, target, payload in story:
        yield ethernet(source, target, 0x8892, payload)
