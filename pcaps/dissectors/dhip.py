"""DHIP (Dahua): a discovery request, the responses of a camera and of a recorder, one relayed by a recorder, a command
that changes settings.
"""

from __future__ import annotations

import json
import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, Frames, udp

GROUP, GROUP_MAC = "239.255.255.251", "01:00:5e:7f:ff:fb"


def message(body: object) -> bytes:
    text = json.dumps(body).encode() + b"\n"
    return struct.pack("<I4s8xIIII", 32, b"DHIP", len(text), 0, len(text), 0) + text


def answer(mac: str, address: str, info: dict[str, object]) -> bytes:
    network = {"DefaultGateway": "10.20.30.1", "DhcpEnable": True, "IPAddress": address, "SubnetMask": "255.255.255.0"}
    return message(
        {
            "mac": mac,
            "method": "client.notifyDevInfo",
            "params": {"deviceInfo": {"HttpPort": 80, "IPv4Address": network, "Init": 166, "Port": 37777, **info}},
        }
    )


def frames() -> Frames:
    search = message({"method": "DHDiscover.search", "params": {"mac": "", "uni": 1}})
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 37810, 37810, search)
    camera = {
        "DeviceClass": "IPC",
        "DeviceType": "IPC-HDW4431C-A",
        "MachineName": "Lobby",
        "SerialNo": "4A05E2DPAG12345",
        "Vendor": "Private",
    }
    yield udp(
        CAMERA,
        DESKTOP,
        "10.20.30.16",
        "10.20.30.14",
        37810,
        37810,
        answer(CAMERA, "10.20.30.16", camera | {"Version": "2.800.0000000.16.R"}),
    )
    recorder = {
        "DeviceClass": "NVR",
        "DeviceType": "NVR5216-4KS2",
        "MachineName": "4D0B1F2PAZ54321",
        "SerialNo": "4D0B1F2PAZ54321",
        "Vendor": "Dahua",
    }
    recorder |= {"Version": "4.001.0000006.1"}
    yield udp(GATEWAY, DESKTOP, "10.20.30.17", "10.20.30.14", 37810, 37810, answer(GATEWAY, "10.20.30.17", recorder))
    yield udp(
        GATEWAY, DESKTOP, "10.20.30.17", "10.20.30.14", 37810, 37810, answer("90:02:a9:5e:53:09", "10.1.1.3", camera)
    )
    command = {"method": "DHDiscover.setConfig", "params": {"mac": CAMERA, "username": "admin", "password": "secret"}}
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 37810, 37810, message(command))
