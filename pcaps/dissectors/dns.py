"""DNS: an address with a CNAME, NXDOMAIN, TXT records, a zone transfer over TCP segmented in messages, an update."""

from __future__ import annotations

import struct

from pcaps.dissectors._dns import dns_message, dns_name, record, strings
from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation, ip, udp


def frames() -> Frames:
    def query(payload: bytes, sport: int) -> bytes:
        return udp(DESKTOP, GATEWAY, "10.20.30.14", "10.20.30.1", sport, 53, payload)

    def answer(payload: bytes, dport: int) -> bytes:
        return udp(GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.14", 53, dport, payload)

    start = b"\xc0\x0c"
    question = (dns_name("WWW.example.com"), 1)
    yield query(dns_message(0x1A01, 0x0100, [question]), 50001)
    alias = record(start, 5, b"\4edge" + b"\xc0\x10", 300)
    yield answer(
        dns_message(0x1A01, 0x8180, [question], [alias, record(b"\xc0\x2d", 1, ip("198.51.100.7"), 60)]), 50001
    )
    question = (dns_name("nowhere.example.com"), 28)
    yield query(dns_message(0x1A02, 0x0100, [question]), 50002)
    yield answer(dns_message(0x1A02, 0x8183, [question]), 50002)
    question = (dns_name("example.com"), 16)
    yield answer(dns_message(0x1A03, 0x8180, [question], [record(start, 16, strings("v=spf1 -all", "second"))]), 50003)
    question = (dns_name("office.example"), 252)
    zone_query = dns_message(0x1A04, 0x0000, [question])
    zone = dns_message(
        0x1A04,
        0x8400,
        [question],
        [
            record(b"\4mail" + start, 1, ip("10.20.1.25")),
            record(start, 15, b"\0\12" + b"\xc0\x20"),
            record(start, 28, ip("2001:db8::25")),
        ],
    )
    size = struct.pack("!H", len(zone))
    parts = [
        (True, struct.pack("!H", len(zone_query))),
        (True, zone_query),
        (False, size + zone[:40]),
        (False, zone[40:] + size + zone),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50004), (GATEWAY, "10.20.30.1", 53), parts)
    own = b"\6desk14" + start
    unused = own + struct.pack("!HHIH", 5, 254, 0, 0)
    deleted = own + struct.pack("!HHIH", 28, 255, 0, 0)
    written = [deleted, record(own, 1, ip("10.20.30.14")), record(b"\4WPAD" + start, 1, ip("10.20.30.14"))]
    question = (dns_name("office.example"), 6)
    yield query(dns_message(0x1A05, 0x2800, [question], [unused], written), 50005)
