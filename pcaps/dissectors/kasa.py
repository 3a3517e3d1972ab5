"""TP-Link Kasa: a discovery request, responses of a smart plug and of a lamp, one about another device, a command and
its result.
"""

from __future__ import annotations

import json

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

PLUG, LAMP = "50:c7:bf:5e:53:20", "50:c7:bf:5e:53:21"


def encrypted(message: object) -> bytes:
    key, output = 171, bytearray()
    for byte in json.dumps(message, separators=(",", ":")).encode():
        key ^= byte
        output.append(key)
    return bytes(output)


def frames() -> Frames:
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        50000,
        9999,
        encrypted({"system": {"get_sysinfo": {}}, "emeter": {"get_realtime": {}}}),
    )
    plug = {
        "sw_ver": "1.5.4 Build 180815 Rel.121440",
        "hw_ver": "2.0",
        "type": "IOT.SMARTPLUGSWITCH",
        "model": "HS110(EU)",
        "mac": PLUG.upper(),
    }
    plug |= {
        "dev_name": "Smart Wi-Fi Plug With Energy Monitoring",
        "alias": "Coffee machine",
        "deviceId": "8006",
        "latitude_i": 1,
        "relay_state": 1,
        "err_code": 0,
    }
    yield udp(PLUG, DESKTOP, "10.20.30.50", "10.20.30.14", 9999, 50000, encrypted({"system": {"get_sysinfo": plug}}))
    lamp = {
        "sw_ver": "1.8.11 Build 191113 Rel.105336",
        "mic_type": "IOT.SMARTBULB",
        "model": "LB130(EU)",
        "mic_mac": "50C7BF5E5321",
        "alias": "Desk lamp",
        "err_code": 0,
    }
    yield udp(LAMP, DESKTOP, "10.20.30.51", "10.20.30.14", 9999, 50000, encrypted({"system": {"get_sysinfo": lamp}}))
    yield udp(PLUG, DESKTOP, "10.20.30.50", "10.20.30.14", 9999, 50000, encrypted({"system": {"get_sysinfo": lamp}}))
    yield udp(
        DESKTOP,
        PLUG,
        "10.20.30.14",
        "10.20.30.50",
        50000,
        9999,
        encrypted({"system": {"set_relay_state": {"state": 0}}}),
    )
    yield udp(
        PLUG,
        DESKTOP,
        "10.20.30.50",
        "10.20.30.14",
        9999,
        50000,
        encrypted({"system": {"set_relay_state": {"err_code": 0}}}),
    )
