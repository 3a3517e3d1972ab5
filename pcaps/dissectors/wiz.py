"""WiZ: a request, the configuration of a lamp, its first heartbeat, a command and its error, a response with another
MAC address.
"""

from __future__ import annotations

import json

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

LAMP = "a8:bb:50:5e:53:2a"


def frames() -> Frames:
    def from_lamp(message: object) -> bytes:
        return udp(LAMP, DESKTOP, "10.20.30.59", "10.20.30.14", 38899, 50000, json.dumps(message).encode())

    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 38899, b'{"method":"getSystemConfig","params":{}}')
    configuration = {
        "mac": "a8bb505e532a",
        "homeId": 653906,
        "roomId": 989983,
        "moduleName": "ESP01_SHRGB1C_31",
        "fwVersion": "1.25.0",
        "ping": 0,
    }
    yield from_lamp({"method": "getSystemConfig", "env": "pro", "result": configuration})
    heartbeat = json.dumps(
        {
            "method": "firstBeat",
            "env": "pro",
            "params": {"mac": "a8bb505e532a", "homeId": 653906, "fwVersion": "1.25.0"},
        }
    )
    yield udp(LAMP, ALL, "10.20.30.59", "255.255.255.255", 38899, 38900, heartbeat.encode())
    yield udp(
        DESKTOP, LAMP, "10.20.30.14", "10.20.30.59", 50000, 38899, b'{"method":"setPilot","params":{"state":false}}'
    )
    yield from_lamp({"method": "setPilot", "env": "pro", "error": {"code": -32600, "message": "Invalid Request"}})
    yield from_lamp({"method": "getSystemConfig", "env": "pro", "result": configuration | {"mac": "a8bb505e53ff"}})
