"""HSRP version 1: an active and a standby router, a coup, a resign message. Version 2: an active router over IPv6."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, ip, udp

GROUP_MAC, GROUP = "01:00:5e:00:00:02", "224.0.0.2"


def version_1(operation: int, state: int, priority: int, group: int = 1) -> bytes:
    return struct.pack("!8B8s", 0, operation, state, 3, 10, priority, group, 0, b"cisco") + ip("10.20.30.1")


def version_2(state: int, priority: int, group: int, address: str) -> bytes:
    body = struct.pack("!BBBBH6sIII", 2, 0, state, 6, group, bytes.fromhex("02005e005301"), priority, 3000, 10000)
    return bytes((1, 40)) + body + ip(address)


def frames() -> Frames:
    def frame(src_mac: str, src: str, message: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 1985, 1985, message, ttl=1)

    yield frame(GATEWAY, "10.20.30.2", version_1(0, 16, 110))
    yield frame(PBX, "10.20.30.3", version_1(0, 8, 100))
    yield frame(PBX, "10.20.30.3", version_1(1, 16, 255))
    yield frame(GATEWAY, "10.20.30.2", version_1(2, 16, 110))
    message = version_2(6, 120, 300, "fe80::5:73ff:fea0:12c")
    yield udp(GATEWAY, "33:33:00:00:00:66", "fe80::2", "ff02::66", 2029, 2029, message, ttl=255)
