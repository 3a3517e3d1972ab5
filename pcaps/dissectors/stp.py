"""STP: a spanning tree BPDU, RSTP, MSTP, Cisco PVST+, and a topology change notification."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, mac
from pcaps.dissectors._neighbour import sap, snap

GROUP, PER_VLAN_GROUP = "01:80:c2:00:00:00", "01:00:0c:cc:cc:cd"


def frames() -> Frames:
    def body(version: int, kind: int, flags: int, root: str, cost: int, bridge: str, port: int, tree: int = 0) -> bytes:
        head = struct.pack("!HBBB", 0, version, kind, flags)
        return head + struct.pack(
            "!H6sIH6sHHHHH",
            0x1000 | tree,
            mac(root),
            cost,
            0x8000 | tree,
            mac(bridge),
            port,
            0,
            20 << 8,
            2 << 8,
            15 << 8,
        )

    yield sap(GATEWAY, GROUP, 0x42, body(0, 0, 0, GATEWAY, 0, GATEWAY, 0x8001))
    yield sap(PBX, GROUP, 0x42, body(2, 2, 0x3D, GATEWAY, 20000, PBX, 0x8002) + b"\0")
    trees = b"\0" + struct.pack("!H", 64) + b"\0" + b"campus-west".ljust(32, b"\0") + struct.pack("!H", 3) + bytes(16)
    trees += struct.pack("!IH6sB", 20000, 0x8000, mac(PBX), 19)
    yield sap(PBX, GROUP, 0x42, body(3, 2, 0x7C, GATEWAY, 0, GATEWAY, 0x8003) + trees)
    yield snap(
        PBX,
        PER_VLAN_GROUP,
        "00000c",
        0x010B,
        body(2, 2, 0x3C, GATEWAY, 4, PBX, 0x8004, 30) + b"\0" + struct.pack("!HHH", 0, 2, 30),
        vlan=30,
    )
    yield sap(PBX, GROUP, 0x42, struct.pack("!HBB", 0, 0, 0x80))
