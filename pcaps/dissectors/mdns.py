"""mDNS: a query, the announcement of a printer, a goodbye, a reflected response, a probe, and an announcement over
IPv6.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._dns import dns_message, dns_name, record, strings
from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PRINTER, Frames, ip, udp


def frames() -> Frames:
    def frame(src_mac: str, src: str, payload: bytes) -> bytes:
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

    yield frame(
        DESKTOP,
        "10.20.30.14",
        dns_message(0, 0, [(dns_name("_ipp._tcp.local"), 12), (b"\x0b_googlecast" + b"\xc0\x11", 12)]),
    )
    service = dns_name("_ipp._tcp.local")
    instance = b"Kyocera ECOSYS M3655idn @ 3F"
    # Offsets: the service type at 12, its _tcp at 17 and local at 22; the instance is the data of the first record.
    ptr = record(service, 12, bytes((len(instance),)) + instance + b"\xc0\x0c", 4500)
    instance_name = struct.pack("!H", 0xC000 | 12 + len(service) + 10)
    ready = strings(
        "txtvers=1",
        "ty=Kyocera ECOSYS M3655idn",
        "product=(ECOSYS M3655idn)",
        "rp=ipp/print",
        "note=3rd floor",
        "UUID=4509a320-00e0-0056-00a8-0017c81a2b3c",
        "Color=F",
    )
    reach = record(instance_name, 33, struct.pack("!HHH", 0, 0, 631) + b"\x0bKM1A2B3C-3F" + b"\xc0\x16", flush=True)
    host = struct.pack("!H", 0xC000 | 12 + len(ptr) + len(record(instance_name, 16, ready)) + 2 + 10 + 6)
    yield frame(
        PRINTER,
        "10.20.30.13",
        dns_message(
            0,
            0x8400,
            [],
            [ptr],
            [],
            [record(instance_name, 16, ready, 4500, True), reach, record(host, 1, ip("10.20.30.13"), flush=True)],
        ),
    )
    goodbye = [record(dns_name("_http._tcp.local"), 12, b"\x06Webcam" + b"\xc0\x0c", 0)]
    yield frame(CAMERA, "10.20.30.16", dns_message(0, 0x8400, [], goodbye))
    other = [
        record(dns_name("tv-kitchen.local"), 1, ip("10.20.99.9")),
        record(dns_name("_airplay._tcp.local"), 12, b"\2TV" + b"\xc0\x2c"),
    ]
    yield frame(GATEWAY, "10.20.30.1", dns_message(0, 0x8400, [], other))
    probed_name = dns_name("bureau-caf\xe9.local")
    yield frame(
        DESKTOP,
        "fe80::5eff:fe00:5304",
        dns_message(0, 0, [(probed_name, 255)], [], [record(b"\xc0\x0c", 28, ip("fe80::5eff:fe00:5304"))]),
    )
    yield frame(
        DESKTOP,
        "fe80::5eff:fe00:5304",
        dns_message(0, 0x8400, [], [record(probed_name, 28, ip("fe80::5eff:fe00:5304"), flush=True)]),
    )
