"""NTP: a request and its response, a stratum 1 server, a broadcast, symmetric peers, a Kiss-o'-Death packet, read
variables and their response, a private (mode 7) request and response.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PBX, PHONE, Frames, ip, udp


def frames() -> Frames:
    def header(leap: int, version: int, mode: int, stratum: int = 0, reference: bytes = bytes(4)) -> bytes:
        return (
            struct.pack("!BBbbII4s", leap << 6 | version << 3 | mode, stratum, 6, -20, 0x100, 0x200, reference)
            + bytes(24)
            + struct.pack("!II", 0xEC000000, 5)
        )

    def from_client(payload: bytes, sport: int = 123) -> bytes:
        return udp(PHONE, GATEWAY, "10.20.30.12", "10.20.30.1", sport, 123, payload)

    def from_server(payload: bytes, dport: int = 123) -> bytes:
        return udp(GATEWAY, PHONE, "10.20.30.1", "10.20.30.12", 123, dport, payload)

    yield from_client(header(0, 4, 3))
    yield from_server(header(0, 4, 4, 2, ip("198.51.100.7")))
    yield from_server(header(0, 4, 4, 1, b"GPS\0"))
    yield udp(PBX, "ff:ff:ff:ff:ff:ff", "10.20.30.15", "10.20.30.255", 123, 123, header(0, 3, 5, 3, ip("10.20.30.1")))
    yield udp(DESKTOP, GATEWAY, "10.20.30.14", "10.20.30.1", 123, 123, header(3, 4, 1, 16, b"INIT"))
    yield from_server(header(3, 4, 4, 0, b"RATE"))
    yield from_client(struct.pack("!BBHHHHH", 0x16, 2, 1, 0, 0, 0, 0), 50000)
    variables = (
        b'version="ntpd 4.2.8p15@1.3728-o", processor="x86_64",\r\nsystem="Linux/5.15.0-105-generic", leap=0, stratum=3'
    )
    yield from_server(
        struct.pack("!BBHHHHH", 0x16, 0x82, 1, 0x0615, 0, 0, len(variables)) + variables + bytes(-len(variables) % 4),
        50000,
    )
    yield from_client(struct.pack("!BBBBHH", 0x17, 0, 3, 42, 0, 0) + bytes(40), 50001)
    yield from_server(struct.pack("!BBBBHH", 0xD7, 0, 3, 42, 1, 72) + bytes(72), 50001)
