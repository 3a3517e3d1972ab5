"""Neighbor Discovery: duplicate address detection, router solicitation and advertisement, neighbor solicitation and
advertisement, a redirect.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PBX, PHONE, Frames, ip, ip_frame, mac


def frames() -> Frames:
    def message(src_mac: str, dst_mac: str, src: str, dst: str, body: bytes) -> bytes:
        return ip_frame(src_mac, dst_mac, src, dst, 58, body, 2, ttl=255)

    own, router = "fe80::5eff:fe00:5302", "fe80::5eff:fe00:5301"
    yield message(PHONE, "33:33:ff:00:53:02", "::", "ff02::1:ff00:5302", struct.pack("!BBHI", 135, 0, 0, 0) + ip(own))
    yield message(PHONE, "33:33:00:00:00:02", own, "ff02::2", struct.pack("!BBHI", 133, 0, 0, 0) + b"\1\1" + mac(PHONE))
    prefix = b"\3\4" + struct.pack("!BBIII", 64, 0xC0, 86400, 14400, 0) + ip("2001:db8:30::")
    options = (
        b"\1\1"
        + mac(GATEWAY)
        + b"\5\1"
        + struct.pack("!HI", 0, 1492)
        + prefix
        + b"\x19\3"
        + struct.pack("!HI", 0, 1800)
        + ip("2001:db8:30::53")
    )
    yield message(
        GATEWAY,
        "33:33:00:00:00:01",
        router,
        "ff02::1",
        struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x40, 1800, 0, 0) + options,
    )
    yield message(
        PHONE,
        "33:33:ff:00:53:01",
        own,
        "ff02::1:ff00:5301",
        struct.pack("!BBHI", 135, 0, 0, 0) + ip(router) + b"\1\1" + mac(PHONE),
    )
    yield message(
        GATEWAY, PHONE, router, own, struct.pack("!BBHI", 136, 0, 0, 0xE0000000) + ip(router) + b"\2\1" + mac(GATEWAY)
    )
    body = (
        struct.pack("!BBHI", 137, 0, 0, 0) + ip("fe80::5eff:fe00:5305") + ip("2001:db8:30::5060") + b"\2\1" + mac(PBX)
    )
    yield message(GATEWAY, PHONE, router, own, body)
