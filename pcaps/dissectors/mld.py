"""MLD: a query, reports of versions 1 and 2, a done message; multicast router discovery."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PHONE, Frames, checksum, ethernet, ip


def frames() -> Frames:
    def frame(src_mac: str, src: str, dst: str, message: bytes) -> bytes:
        ends = ip(src) + ip(dst)
        message = (
            message[:2]
            + struct.pack("!H", checksum(ends + struct.pack("!II", len(message), 58) + message))
            + message[4:]
        )
        hop = b"\x3a\0\x05\x02\0\0\x01\0"  # router alert (RFC 2711)
        head = struct.pack("!IHBB", 6 << 28, len(hop) + len(message), 0, 1) + ends
        return ethernet(src_mac, "33:33:" + ip(dst)[-4:].hex(":"), 0x86DD, head + hop + message)

    def report(kind: int, group: str, wait: int = 0) -> bytes:
        return struct.pack("!BBHHH", kind, 0, 0, wait, 0) + ip(group)

    yield frame(GATEWAY, "fe80::5eff:fe00:5301", "ff02::1", report(130, "::", 10000) + struct.pack("!BBH", 2, 125, 0))
    yield frame(PHONE, "fe80::5eff:fe00:5302", "ff02::fb", report(131, "ff02::fb"))
    yield frame(PHONE, "fe80::5eff:fe00:5302", "ff02::2", report(132, "ff05::1:3"))
    listed = b"".join(
        struct.pack("!BBH", kind, 0, 0) + ip(group)
        for kind, group in ((4, "ff02::c"), (2, "ff02::1:ff00:5306"), (3, "ff02::1:3"))
    )
    yield frame(CAMERA, "fe80::5eff:fe00:5306", "ff02::16", struct.pack("!BBHHH", 143, 0, 0, 0, 3) + listed)
    yield frame(DESKTOP, "fe80::5eff:fe00:5304", "ff02::1:3", report(131, "ff02::1:3"))
    router = "fe80::5eff:fe00:5301"
    yield frame(GATEWAY, router, "ff02::6a", struct.pack("!BBHHH", 151, 20, 0, 125, 2))
    yield frame(DESKTOP, "fe80::5eff:fe00:5304", "ff02::2", struct.pack("!BBH", 152, 0, 0))
    yield frame(GATEWAY, router, "ff02::6a", struct.pack("!BBH", 153, 0, 0))
