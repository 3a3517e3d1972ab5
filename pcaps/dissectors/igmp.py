"""IGMP: queries of versions 2 and 3, reports of all versions, a leave, and a multicast router advertisement."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PHONE, PRINTER, Frames, checksum, ethernet, ip, mac


def frames() -> Frames:
    def frame(src_mac: str, src: str, dst: str, message: bytes) -> bytes:
        message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        head = (
            struct.pack("!BBHHHBBH", 0x46, 0xC0, 24 + len(message), 1, 0, 1, 2, 0) + ip(src) + ip(dst) + b"\x94\x04\0\0"
        )
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        group = mac("01:00:5e:00:00:00")[:3] + bytes((ip(dst)[1] & 0x7F,)) + ip(dst)[2:]
        return ethernet(src_mac, group.hex(":"), 0x0800, head + message)

    def report(kind: int, group: str, wait: int = 0) -> bytes:
        return struct.pack("!BBH", kind, wait, 0) + ip(group)

    yield frame(GATEWAY, "10.20.30.1", "224.0.0.1", report(0x11, "0.0.0.0", 100))
    yield frame(GATEWAY, "10.20.30.1", "224.0.1.75", report(0x11, "224.0.1.75", 10) + struct.pack("!BBH", 2, 125, 0))
    yield frame(PHONE, "10.20.30.12", "224.0.1.75", report(0x16, "224.0.1.75"))
    yield frame(PRINTER, "10.20.30.13", "239.255.255.250", report(0x12, "239.255.255.250"))
    yield frame(DESKTOP, "10.20.30.14", "224.0.0.2", report(0x17, "239.1.2.3"))
    source = ("198.51.100.7",)
    changes = (
        (4, "239.255.255.250", ()),
        (2, "224.0.0.251", ()),
        (3, "239.255.255.251", ()),
        (5, "232.1.1.1", source),
        (6, "232.1.1.2", source),
    )
    listed = b"".join(
        struct.pack("!BBH", kind, 0, len(given)) + ip(group) + b"".join(map(ip, given))
        for kind, group, given in changes
    )
    yield frame(CAMERA, "10.20.30.16", "224.0.0.22", struct.pack("!BBHHH", 0x22, 0, 0, 0, 5) + listed)
    yield frame(GATEWAY, "10.20.30.1", "224.0.0.106", struct.pack("!BBHHH", 0x30, 20, 0, 125, 2))
    yield frame(DESKTOP, "10.20.30.14", "224.0.0.2", struct.pack("!BBH", 0x31, 0, 0))
