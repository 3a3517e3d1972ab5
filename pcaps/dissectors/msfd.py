"""Samsung's Multi-Screen Framework: a TV announces its interface, one with the first version only, and a bridge that
repeats the announcement of a TV.
"""

from __future__ import annotations

import json

from pcaps.dissectors._frames import CAMERA, GATEWAY, Frames, udp

GROUP, GROUP_MAC = "224.0.0.7", "01:00:5e:00:00:07"


def message(*versions: tuple[str, str], kind: str = "alive") -> bytes:
    announcement = {
        "data": {version: {"uri": address} for version, address in versions}, "remote": "1.0",
        "sid": "uuid:0b0a0f0d-0c14-4b5e-8a0e-3f2c1d0e9a77", "ttl": 8000, "type": kind,
    }  # fmt: skip
    return json.dumps(announcement, separators=(",", ":")).encode() + b"\n"


V1, V2 = ("v1", "http://10.20.30.16:8001/ms/1.0/"), ("v2", "http://10.20.30.16:8001/api/v2/")


def frames() -> Frames:
    yield udp(CAMERA, GROUP_MAC, "10.20.30.16", GROUP, 8001, 8001, message(V1, V2))
    yield udp(CAMERA, GROUP_MAC, "10.20.30.16", GROUP, 8001, 8001, message(V1, kind="up"))
    yield udp(GATEWAY, GROUP_MAC, "10.20.30.1", GROUP, 8001, 8001, message(V2))
