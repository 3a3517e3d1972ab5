"""VRRP: a master advertises itself in version 2, another in version 3 over IPv6, and a third resigns (priority 0)."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, Frames, checksum, ethernet, ip


def advertisement(group: int, priority: int, *texts: str, version: int = 2) -> bytes:
    rest = b"\0\x01" if version == 2 else struct.pack("!H", 100)
    found = b"".join(map(ip, texts)) + (bytes(8) if version == 2 else b"")
    head = bytes((version << 4 | 1, group, priority, len(texts))) + rest
    return head + struct.pack("!H", checksum(head + b"\0\0" + found)) + found


def frames() -> Frames:
    def ipv4_frame(src_mac: str, src: str, message: bytes) -> bytes:
        head = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(message), 1, 0, 255, 112, 0) + ip(src) + ip("224.0.0.18")
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return ethernet(src_mac, "01:00:5e:00:00:12", 0x0800, head + message)

    yield ipv4_frame(GATEWAY, "10.20.30.2", advertisement(7, 120, "10.20.30.1"))
    message = advertisement(9, 255, "fe80::1", "2001:db8::1", version=3)
    head = struct.pack("!IHBB", 6 << 28, len(message), 112, 255) + ip("fe80::1") + ip("ff02::12")
    yield ethernet(PBX, "33:33:00:00:00:12", 0x86DD, head + message)
    yield ipv4_frame(PBX, "10.20.30.3", advertisement(7, 0, "10.20.30.1"))
