"""VTP: the summary of a switch, and one with the list of VLANs and a higher revision."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, ip
from pcaps.dissectors._neighbour import snap

GROUP = "01:00:0c:cc:cc:cc"


def message(code: int, revision: int, domain: bytes = b"campus", version: int = 1) -> bytes:
    head = bytes((version, code, 1, len(domain))) + domain.ljust(32, b"\0") + struct.pack("!I", revision)
    if code == 1:
        return head + ip("10.20.30.5") + b"261202090000" + bytes(16)
    return head + bytes.fromhex("14000107000105dc000186a1") + b"default\0"


def frames() -> Frames:
    yield snap(GATEWAY, GROUP, "00000c", 0x2003, message(1, 41))
    yield snap(PBX, GROUP, "00000c", 0x2003, message(1, 42))
    yield snap(PBX, GROUP, "00000c", 0x2003, message(2, 42))
