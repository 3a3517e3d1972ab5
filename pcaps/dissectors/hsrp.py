"""An active router and a standby of version 1, a coup, a farewell, and an active router of version 2 over IPv6."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, ip, udp

GROUP_MAC, GROUP = "01:00:5e:00:00:02", "224.0.0.2"


def first(operation: int, state: int, priority: int, group: int = 1) -> bytes:
    return struct.pack("!8B8s", 0, operation, state, 3, 10, priority, group, 0, b"cisco") + ip("10.20.30.1")


def second(state: int, priority: int, group: int, address: str) -> bytes:
    body = struct.pack("!BBBBH6sIII", 2, 0, state, 6, group, bytes.fromhex("02005e005301"), priority, 3000, 10000)
    return bytes((1, 40)) + body + ip(address)


def frames() -> Frames:
    def say(src_mac: str, src: str, message: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 1985, 1985, message, ttl=1)

    yield say(GATEWAY, "10.20.30.2", first(0, 16, 110))
    yield say(PBX, "10.20.30.3", first(0, 8, 100))
    yield say(PBX, "10.20.30.3", first(1, 16, 255))
    yield say(GATEWAY, "10.20.30.2", first(2, 16, 110))
    message = second(6, 120, 300, "fe80::5:73ff:fea0:12c")
    yield udp(GATEWAY, "33:33:00:00:00:66", "fe80::2", "ff02::66", 2029, 2029, message, ttl=255)
