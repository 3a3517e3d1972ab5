"""MNDP: a discovery request of WinBox, a router over IPv4, a switch over IPv6."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, GATEWAY, PBX, Frames, ip, mac, udp

LINK_LOCAL = "fe80::5eff:fe00:5305"


def frames() -> Frames:
    def tlv(kind: int, value: bytes) -> bytes:
        return struct.pack("!HH", kind, len(value)) + value

    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 52000, 5678, bytes(4))
    router = (
        tlv(1, mac(GATEWAY)),
        tlv(5, b"gw-branch"),
        tlv(7, b"7.11.2 (stable) Aug/31/2023 13:55:47"),
        tlv(8, b"MikroTik"),
        tlv(10, struct.pack("<I", 86400)),
        tlv(11, b"ABCD-EF01"),
        tlv(12, b"RB4011iGS+"),
        tlv(14, b"\0"),
        tlv(16, b"bridge/ether2"),
        tlv(17, ip("10.20.30.1")),
    )
    yield udp(GATEWAY, ALL, "10.20.30.1", "255.255.255.255", 5678, 5678, struct.pack("!HH", 0, 41) + b"".join(router))
    switch = (
        tlv(1, mac(PBX)),
        tlv(5, b"sw-attic"),
        tlv(7, b"2.13"),
        tlv(8, b"MikroTik"),
        tlv(12, b"CRS326-24G-2S+"),
        tlv(15, ip(LINK_LOCAL)),
        tlv(16, b"p1"),
    )
    yield udp(PBX, "33:33:00:00:00:01", LINK_LOCAL, "ff02::1", 5678, 5678, struct.pack("!HH", 0, 42) + b"".join(switch))
