"""OSPF version 2: hellos with and without authentication, an update with three LSAs. Version 3: a hello."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, ip, ip_frame

GROUP_MAC, GROUP = "01:00:5e:00:00:05", "224.0.0.5"
BODY = struct.pack("!IHBBIII", 0xFFFFFF00, 10, 2, 1, 40, 0, 0)


def version_2(kind: int, body: bytes, authentication: int = 0) -> bytes:
    head = struct.pack("!BBH4s4sHH8s", 2, kind, 24 + len(body), ip("10.20.30.1"), bytes(4), 0, authentication, bytes(8))
    return head + body


def version_3(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH4s4sHBB", 3, kind, 16 + len(body), ip("10.20.30.1"), bytes(4), 0, 0, 0) + body


def frames() -> Frames:
    def frame(src_mac: str, src: str, message: bytes) -> bytes:
        return ip_frame(src_mac, GROUP_MAC, src, GROUP, 89, message, 12, ttl=1)

    yield frame(GATEWAY, "10.20.30.1", version_2(1, BODY))
    yield frame(GATEWAY, "10.20.30.1", version_2(1, BODY, 2))
    yield frame(PBX, "10.20.30.5", version_2(4, struct.pack("!I", 3) + bytes(20)))
    yield ip_frame(GATEWAY, "33:33:00:00:00:05", "fe80::1", "ff02::5", 89, version_3(1, BODY), 12, ttl=1)
