"""DTP: a switch port in auto mode, one that negotiates a trunk, and one that is a trunk."""

from __future__ import annotations

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, mac
from pcaps.dissectors._neighbour import field, snap

GROUP = "01:00:0c:cc:cc:cc"


def message(status: int, neighbor: str, domain: bytes = b"") -> bytes:
    fields = (1, domain + b"\0"), (2, bytes((status,))), (3, b"\xa5"), (4, mac(neighbor))
    return b"\x01" + b"".join(field(kind, value) for kind, value in fields)


def frames() -> Frames:
    yield snap(GATEWAY, GROUP, "00000c", 0x2004, message(0x04, GATEWAY, b"campus"))
    yield snap(PBX, GROUP, "00000c", 0x2004, message(0x03, PBX))
    yield snap(PBX, GROUP, "00000c", 0x2004, message(0x81, PBX, b"campus"))
