"""LLMNR: a host verifies that its name is unique, another host queries it and gets a response; a mistyped name; a
reverse query; a conflict.
"""

from __future__ import annotations

from pcaps.dissectors._dns import dns_message, dns_name, record
from pcaps.dissectors._frames import DESKTOP, GATEWAY, PRINTER, Frames, ip, udp

GROUP, GROUP6 = ("224.0.0.252", "01:00:5e:00:00:fc"), ("ff02::1:3", "33:33:00:01:00:03")
LOCAL = "fe80::5eff:fe00:5304"


def frames() -> Frames:
    host = dns_name("DESK-04")

    def query(id_: int, name: bytes, kind: int, flags: int = 0) -> bytes:
        return udp(
            PRINTER,
            GROUP[1],
            "10.20.30.13",
            GROUP[0],
            51000 + id_,
            5355,
            dns_message(id_, flags, [(name, kind)]),
            ttl=1,
        )

    yield udp(DESKTOP, GROUP[1], "10.20.30.14", GROUP[0], 50001, 5355, dns_message(1, 0, [(host, 255)]), ttl=1)
    yield udp(DESKTOP, GROUP6[1], LOCAL, GROUP6[0], 50001, 5355, dns_message(1, 0, [(host, 255)]), ttl=1)
    yield query(2, dns_name("desk-04"), 1)
    answer = dns_message(2, 0x8000, [(dns_name("desk-04"), 1)], [record(b"\xc0\x0c", 1, ip("10.20.30.14"), 30)])
    yield udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 5355, 51002, answer)
    yield query(3, dns_name("fileserverr"), 1)
    poisoned = dns_message(3, 0x8000, [(dns_name("fileserverr"), 28)], [record(b"\xc0\x0c", 28, ip("fe80::66"), 30)])
    yield udp(GATEWAY, PRINTER, "10.20.30.66", "10.20.30.13", 5355, 51003, poisoned)
    reverse = dns_name("14.30.20.10.in-addr.arpa")
    yield query(4, reverse, 12)
    ptr_response = dns_message(4, 0x8000, [(reverse, 12)], [record(b"\xc0\x0c", 12, host, 30)])
    yield udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 5355, 51004, ptr_response)
    yield query(5, host, 1, 0x0400)
    tentative = dns_message(5, 0x8103, [(host, 1)])
    yield udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 5355, 51005, tentative)
