"""GOOSE: a new state of a relay and its repetition, a test in a VLAN, a state of another relay with a signature behind
it (the layout is that of the sample of GE's F650 relay).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, PRINTER, Frames, ethernet

GROUP = "01:0c:cd:01:00:01"
RELAY, BAY = "GEDeviceF650/LLN0", "REF615A_204LD0/LLN0"
TIME = bytes.fromhex("386ebbf34217280a")
# Values of four booleans, each with its quality.
VALUES = bytes.fromhex("8301008403030000") * 4


def field(tag: int, value: bytes) -> bytes:
    size = bytes((len(value),)) if len(value) < 128 else bytes((0x81, len(value)))
    return bytes((tag,)) + size + value


def message(node: str, state: int, sequence: int, *, test: bool = False, behind: bytes = b"") -> bytes:
    """A frame's payload; ``behind``: bytes that follow the message."""
    fields = [
        field(0x80, f"{node}$GO$gcb01".encode()), field(0x81, b"\0\x9c\x40"), field(0x82, f"{node}$GOOSE1".encode()),
        field(0x83, b"F650_GOOSE1"), field(0x84, TIME), field(0x85, bytes((state,))), field(0x86, bytes((sequence,))),
        field(0x87, bytes((test,))), field(0x88, b"\1"), field(0x89, b"\0"), field(0x8A, b"\x08"), field(0xAB, VALUES),
    ]  # fmt: skip
    body = field(0x61, b"".join(fields))
    return struct.pack("!HHHH", 1, 8 + len(body), len(behind), 0) + body + behind


def frames() -> Frames:
    yield ethernet(PRINTER, GROUP, 0x88B8, message(RELAY, 1, 0))
    yield ethernet(PRINTER, GROUP, 0x88B8, message(RELAY, 1, 1))
    yield ethernet(PRINTER, GROUP, 0x88B8, message(RELAY, 2, 0, test=True), vlan=30)
    yield ethernet(CAMERA, GROUP, 0x88B8, message(BAY, 7, 10, behind=bytes(32)))
