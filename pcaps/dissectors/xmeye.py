"""XMEye: a discovery request, the responses of a camera and of a recorder, one about another address."""

from __future__ import annotations

import json
import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, GATEWAY, Frames, ip, udp


def message(number: int, body: bytes) -> bytes:
    return struct.pack("<BBHIIBBHI", 255, 0, 0, 0, 0, 0, 0, number, len(body)) + body


def answer(mac: str, address: str, name: str, channels: int) -> bytes:
    net = {
        "HostName": name,
        "SN": "0123456789abcdef",
        "MAC": mac,
        "HostIP": "0x" + ip(address)[::-1].hex().upper(),
        "HttpPort": 80,
        "TCPPort": 34567,
    }
    net |= {"ChannelNum": channels, "DeviceType": 1, "Version": "V4.02.R12.00006510.10010.130900"}
    return message(1531, json.dumps({"NetWork.NetCommon": net, "Ret": 100, "SessionID": "0x0"}).encode() + b"\n\0")


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 34569, 34569, message(1530, b""))
    yield udp(CAMERA, ALL, "10.20.30.16", "255.255.255.255", 34569, 34569, answer(CAMERA, "10.20.30.16", "yard", 1))
    yield udp(
        GATEWAY, ALL, "10.20.30.17", "255.255.255.255", 34569, 34569, answer(GATEWAY, "10.20.30.17", "LocalHost", 16)
    )
    yield udp(
        GATEWAY,
        ALL,
        "10.20.30.17",
        "255.255.255.255",
        34569,
        34569,
        answer("00:12:16:5e:53:09", "10.20.30.99", "other", 1),
    )
