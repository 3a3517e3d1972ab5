"""Ubiquiti discovery: requests of both versions, the response of a radio, announcements of an access point and of a
gateway, one relayed by another host.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, GATEWAY, Frames, ip, mac, udp

RADIO, ACCESS_POINT = "24:a4:3c:5e:53:10", "78:8a:20:5e:53:11"


def message(version: int, command: int, fields: list[tuple[int, bytes]]) -> bytes:
    body = b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in fields)
    return struct.pack("!BBH", version, command, len(body)) + body


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 43210, 10001, b"\1\0\0\0")
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 43210, 10001, b"\2\x08\0\0")
    radio = [
        (1, mac(RADIO)),
        (2, mac(RADIO) + ip("10.20.30.40")),
        (3, b"XW.ar934x.v6.1.7.32555.180523.1754"),
        (10, struct.pack("!I", 3600)),
        (11, b"roof-north"),
    ]
    radio += [(12, b"N5N"), (13, b"backhaul"), (14, b"\2"), (20, b"NanoStation M5")]
    yield udp(RADIO, DESKTOP, "10.20.30.40", "10.20.30.14", 10001, 43210, message(1, 0, radio))
    access_point = [
        (2, mac(ACCESS_POINT) + ip("10.20.30.41")),
        (1, mac(ACCESS_POINT)),
        (10, struct.pack("!I", 99)),
        (11, b"UBNT"),
        (12, b"U7PG2"),
        (3, b"BZ.qca956x.v4.3.28.11361.210128.1606"),
    ]
    access_point += [
        (22, b"4.3.28.11361"),
        (21, b"U7PG2"),
        (23, b"\1"),
        (24, b"\0"),
        (19, mac(ACCESS_POINT)),
        (18, struct.pack("!I", 7)),
        (27, b"4.0.0"),
    ]
    yield udp(ACCESS_POINT, ALL, "10.20.30.41", "255.255.255.255", 51000, 10001, message(2, 6, access_point))
    gateway = [
        (2, mac("80:2a:a8:5e:53:12") + ip("192.0.2.21")),
        (2, mac(GATEWAY) + ip("10.20.30.1")),
        (1, mac("80:2a:a8:5e:53:12")),
        (11, b"gw"),
        (12, b"UGW3"),
    ]
    gateway += [
        (3, b"UniFiSecurityGateway.ER-e120.v4.4.57.5578372.230112"),
        (22, b"4.4.57.5578372"),
        (21, b"UGW3"),
        (23, b"\0"),
    ]
    yield udp(GATEWAY, ALL, "10.20.30.1", "255.255.255.255", 51001, 10001, message(2, 6, gateway))
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 51002, 10001, message(2, 6, access_point))
