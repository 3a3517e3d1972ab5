"""An address with an alias, a name that does not exist, texts, and a zone transfer over TCP cut inside messages."""

from __future__ import annotations

import struct

from pcaps.dissectors._dns import dns_message, dns_name, record, strings
from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation, ip, udp


def frames() -> Frames:
    def ask(payload: bytes, sport: int) -> bytes:
        return udp(DESKTOP, GATEWAY, "10.20.30.14", "10.20.30.1", sport, 53, payload)

    def answer(payload: bytes, dport: int) -> bytes:
        return udp(GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.14", 53, dport, payload)

    start = b"\xc0\x0c"
    asked = (dns_name("WWW.example.com"), 1)
    yield ask(dns_message(0x1A01, 0x0100, [asked]), 50001)
    alias = record(start, 5, b"\4edge" + b"\xc0\x10", 300)
    yield answer(dns_message(0x1A01, 0x8180, [asked], [alias, record(b"\xc0\x2d", 1, ip("198.51.100.7"), 60)]), 50001)
    asked = (dns_name("nowhere.example.com"), 28)
    yield ask(dns_message(0x1A02, 0x0100, [asked]), 50002)
    yield answer(dns_message(0x1A02, 0x8183, [asked]), 50002)
    asked = (dns_name("example.com"), 16)
    yield answer(dns_message(0x1A03, 0x8180, [asked], [record(start, 16, strings("v=spf1 -all", "second"))]), 50003)
    asked = (dns_name("office.example"), 252)
    question = dns_message(0x1A04, 0x0000, [asked])
    zone = dns_message(
        0x1A04,
        0x8400,
        [asked],
        [
            record(b"\4mail" + start, 1, ip("10.20.1.25")),
            record(start, 15, b"\0\12" + b"\xc0\x20"),
            record(start, 28, ip("2001:db8::25")),
        ],
    )
    size = struct.pack("!H", len(zone))
    parts = [
        (True, struct.pack("!H", len(question))),
        (True, question),
        (False, size + zone[:40]),
        (False, zone[40:] + size + zone),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50004), (GATEWAY, "10.20.30.1", 53), parts)
