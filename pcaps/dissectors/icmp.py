"""ICMP: echo, timestamp and address mask requests and replies, port unreachable, a redirect, a router advertisement;
echo and port unreachable for ICMPv6.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PRINTER, Frames, checksum, ethernet, ip, ip_frame


def frames() -> Frames:
    def frame(src: tuple[str, str], dst: tuple[str, str], kind: int, code: int, rest: bytes) -> bytes:
        message = struct.pack("!BBH", kind, code, 0) + rest
        message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 1, 0, 64, 1, 0) + ip(src[1]) + ip(dst[1])
        return ethernet(src[0], dst[0], 0x0800, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + message)

    near, far, gateway = (DESKTOP, "10.20.30.14"), (PRINTER, "10.20.30.13"), (GATEWAY, "10.20.30.1")
    ping = struct.pack("!HH", 77, 1) + bytes(range(32))
    yield frame(near, far, 8, 0, ping)
    yield frame(far, near, 0, 0, ping)
    yield frame(near, far, 13, 0, struct.pack("!HHIII", 77, 0, 30600000, 0, 0))
    yield frame(near, far, 17, 0, struct.pack("!HHI", 77, 0, 0))
    yield frame(far, near, 18, 0, struct.pack("!HH", 77, 0) + ip("255.255.255.0"))
    quoted = (
        struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 17, 0)
        + ip("10.20.30.14")
        + ip("10.20.30.13")
        + struct.pack("!HHHH", 40000, 161, 20, 0)
    )
    yield frame(far, near, 3, 3, bytes(4) + quoted)
    yield frame(gateway, near, 5, 1, ip("10.20.30.2") + quoted)
    routers = ip("10.20.30.1") + struct.pack("!i", 0) + ip("10.20.30.2") + struct.pack("!i", -10)
    yield frame(gateway, ("01:00:5e:00:00:01", "224.0.0.1"), 9, 0, struct.pack("!BBH", 2, 2, 1800) + routers)
    yield ip_frame(DESKTOP, PRINTER, "fd00::14", "fd00::13", 58, struct.pack("!BBH", 128, 0, 0) + ping, 2)
    inner = (
        struct.pack("!IHBB", 6 << 28, 8, 17, 64)
        + ip("fd00::14")
        + ip("fd00::13")
        + struct.pack("!HHHH", 40000, 161, 8, 0)
    )
    yield ip_frame(PRINTER, DESKTOP, "fd00::13", "fd00::14", 58, struct.pack("!BBH", 1, 4, 0) + bytes(4) + inner, 2)
