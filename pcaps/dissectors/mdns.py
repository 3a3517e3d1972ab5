"""A question, a printer's announcement, a goodbye, a reflected response, a probe and an announcement over IPv6."""

from __future__ import annotations

import struct

from pcaps.dissectors._dns import dns_message, dns_name, record, strings
from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PRINTER, Frames, ip, udp


def frames() -> Frames:
    def say(src_mac: str, src: str, payload: bytes) -> bytes:
        six = ":" in src
        return udp(
            src_mac,
            "33:33:00:00:00:fb" if six else "01:00:5e:00:00:fb",
            src,
            "ff02::fb" if six else "224.0.0.251",
            5353,
            5353,
            payload,
            ttl=255,
        )

    yield say(
        DESKTOP,
        "10.20.30.14",
        dns_message(0, 0, [(dns_name("_ipp._tcp.local"), 12), (b"\x0b_googlecast" + b"\xc0\x11", 12)]),
    )
    service = dns_name("_ipp._tcp.local")
    instance = b"Kyocera ECOSYS M3655idn @ 3F"
    # Offsets: the service type at 12, its _tcp at 17 and local at 22; the instance is the data of the first record.
    pointed = record(service, 12, bytes((len(instance),)) + instance + b"\xc0\x0c", 4500)
    whole = struct.pack("!H", 0xC000 | 12 + len(service) + 10)
    ready = strings(
        "txtvers=1",
        "ty=Kyocera ECOSYS M3655idn",
        "product=(ECOSYS M3655idn)",
        "rp=ipp/print",
        "note=3rd floor",
        "UUID=4509a320-00e0-0056-00a8-0017c81a2b3c",
        "Color=F",
    )
    reach = record(whole, 33, struct.pack("!HHH", 0, 0, 631) + b"\x0bKM1A2B3C-3F" + b"\xc0\x16", flush=True)
    host = struct.pack("!H", 0xC000 | 12 + len(pointed) + len(record(whole, 16, ready)) + 2 + 10 + 6)
    yield say(
        PRINTER,
        "10.20.30.13",
        dns_message(
            0,
            0x8400,
            [],
            [pointed],
            [],
            [record(whole, 16, ready, 4500, True), reach, record(host, 1, ip("10.20.30.13"), flush=True)],
        ),
    )
    away = [record(dns_name("_http._tcp.local"), 12, b"\x06Webcam" + b"\xc0\x0c", 0)]
    yield say(CAMERA, "10.20.30.16", dns_message(0, 0x8400, [], away))
    other = [
        record(dns_name("tv-kitchen.local"), 1, ip("10.20.99.9")),
        record(dns_name("_airplay._tcp.local"), 12, b"\2TV" + b"\xc0\x2c"),
    ]
    yield say(GATEWAY, "10.20.30.1", dns_message(0, 0x8400, [], other))
    wish = dns_name("bureau-caf\xe9.local")
    yield say(
        DESKTOP,
        "fe80::5eff:fe00:5304",
        dns_message(0, 0, [(wish, 255)], [], [record(b"\xc0\x0c", 28, ip("fe80::5eff:fe00:5304"))]),
    )
    yield say(
        DESKTOP,
        "fe80::5eff:fe00:5304",
        dns_message(0, 0x8400, [], [record(wish, 28, ip("fe80::5eff:fe00:5304"), flush=True)]),
    )
