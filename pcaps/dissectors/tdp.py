"""TP-Link TDP: a discovery request, the responses of a smart plug and of a camera with factory settings, one about
another device.
"""

from __future__ import annotations

import json
import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, Frames, udp

PLUG = "5c:62:8b:5e:53:22"


def message(body: object) -> bytes:
    text = json.dumps(body).encode()
    return struct.pack("!BBHHBBII", 2, 0, 1, len(text), 17, 0, 1, 0x5A6B7C8D) + text


def answer(kind: str, model: str, mac: str, address: str, *, default: bool) -> bytes:
    result = {
        "device_id": "8d3a",
        "owner": "",
        "device_type": kind,
        "device_model": model,
        "ip": address,
        "mac": mac.upper().replace(":", "-"),
    }
    return message(
        {
            "result": result
            | {"factory_default": default, "mgt_encrypt_schm": {"encrypt_type": "KLAP", "http_port": 80}},
            "error_code": 0,
        }
    )


def frames() -> Frames:
    yield udp(
        DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 20002, bytes.fromhex("020000010000000000000000463cb5d3")
    )
    yield udp(
        PLUG,
        DESKTOP,
        "10.20.30.52",
        "10.20.30.14",
        20002,
        50000,
        answer("SMART.TAPOPLUG", "P110(EU)", PLUG, "10.20.30.52", default=False),
    )
    yield udp(
        CAMERA,
        DESKTOP,
        "10.20.30.16",
        "10.20.30.14",
        20002,
        50000,
        answer("SMART.IPCAMERA", "C210", CAMERA, "10.20.30.16", default=True),
    )
    yield udp(
        PLUG,
        DESKTOP,
        "10.20.30.52",
        "10.20.30.14",
        20002,
        50000,
        answer("SMART.TAPOBULB", "L530E(EU)", "5c:62:8b:5e:53:23", "10.20.30.53", default=False),
    )
