"""Govee: a search, the answer of a lamp, one that a bridge repeats."""

from __future__ import annotations

import json

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, Frames, udp

GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"


def message(**data: str) -> bytes:
    return json.dumps({"msg": {"cmd": "scan", "data": data}}, separators=(",", ":")).encode()


ANSWER = message(
    ip="10.20.30.16", device="7D:31:C3:35:33:33:44:15", sku="H6076", bleVersionHard="3.01.01", bleVersionSoft="1.04.04",
    wifiVersionHard="1.00.10", wifiVersionSoft="1.02.11",
)  # fmt: skip


def frames() -> Frames:
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 4002, 4001, message(account_topic="reserve"))
    yield udp(CAMERA, DESKTOP, "10.20.30.16", "10.20.30.14", 4003, 4002, ANSWER)
    yield udp(GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.14", 4003, 4002, ANSWER)
