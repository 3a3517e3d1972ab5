"""Floods generated as a pcap stream: many spoofed hosts, addresses or names, and thirty real phones among them.

Each flood is one frame in which numpy draws some bytes for every packet, so that ten million cost seconds. Half of the
phones begin to send before the flood, the others in its midst; each repeats its messages every two seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pcaps.dissectors._dns import dns_message, dns_name, record, strings
from pcaps.dissectors._smb import netbios_name
from pcaps.dissectors._tls import CIPHERS, browser_extensions, client_hello
from tests.kit import ethernet, ipv4, tcp, udp

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
START_S, CHUNK, PHONES, AGAIN_S = 1_700_000_000, 16384, 30, 2
GAP_NS = 50_000  # 20,000 packets a second
ALL, FLOODER = (1 << 48) - 1, 0x0200_0000_0F00
DISCOVER, INFORM = 1, 8
NAME = "@" * 12
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz012345", np.uint8)
HALVES = np.frombuffer(b"ABCDEFGHIJKLMNO", np.uint8)

Bytes = npt.NDArray[np.uint8]
Draw = Callable[[np.random.Generator, int], Bytes]


class Flood(NamedTuple):
    """``drawn``: for each part of the frame that changes, its offsets (several for equal copies) and the function that
    draws it.
    """

    frame: bytes
    drawn: tuple[tuple[tuple[int, ...], Draw], ...]


def macs(rng: np.random.Generator, count: int) -> Bytes:
    """Half of the MACs are locally administered, half look assigned by a vendor."""
    drawn = rng.integers(0, 256, (count, 6), np.uint8)
    drawn[:, 0] &= 0xFE
    return drawn


def addresses(rng: np.random.Generator, count: int) -> Bytes:
    """Anywhere in 10.0.0.0/8."""
    drawn = rng.integers(0, 256, (count, 4), np.uint8)
    drawn[:, 0] = 10
    return drawn


def anywhere(rng: np.random.Generator, count: int) -> Bytes:
    """External: 32.0.0.0 to 63.255.255.255."""
    drawn = rng.integers(0, 256, (count, 4), np.uint8)
    drawn[:, 0] = drawn[:, 0] & 31 | 32
    return drawn


def ports(rng: np.random.Generator, count: int) -> Bytes:
    drawn = rng.integers(0, 256, (count, 2), np.uint8)
    drawn[:, 0] |= 0x80
    return drawn


def letters(rng: np.random.Generator, count: int) -> Bytes:
    return LETTERS[rng.integers(0, len(LETTERS), (count, len(NAME)), np.uint8)]


def halves(rng: np.random.Generator, count: int) -> Bytes:
    """An encoded NetBIOS name: two letters a byte, of which the first is constant (RFC 1001, 14.1)."""
    drawn = np.full((count, 2 * len(NAME)), ord("E"), np.uint8)
    drawn[:, 1::2] = HALVES[rng.integers(0, len(HALVES), (count, len(NAME)), np.uint8)]
    return drawn


def _places(frame: bytes, text: bytes) -> tuple[int, ...]:
    """All offsets of a text."""
    found, at = [], frame.find(text)
    while at >= 0:
        found.append(at)
        at = frame.find(text, at + len(text))
    return tuple(found)


MAC, SOURCE, PORT, ARP_MAC, ARP_SOURCE, CHADDR = (6,), (26,), (34,), (6, 22), (28,), (6, 70)


def _datagram(payload: bytes, port: int, to: str = "10.0.0.1") -> bytes:
    return ethernet(ipv4(udp(payload, port, port), 17, "10.0.9.9", to), 0x0800, src=FLOODER)


def dhcp(mac: int, *options: bytes, kind: int = DISCOVER) -> bytes:
    """A message of a DHCP client (RFC 2131)."""
    body = (
        b"\1\1\6\0"
        + mac.to_bytes(6, "big")[2:]
        + bytes(20)
        + mac.to_bytes(6, "big")
        + bytes(10 + 192)
        + b"\x63\x82\x53\x63\x35\1"
    )
    body += bytes((kind,)) + b"".join(options) + b"\xff"
    return ethernet(ipv4(udp(body, 68, 67), 17, "0.0.0.0", "255.255.255.255"), 0x0800, src=mac, dst=ALL)


def option(code: int, text: str) -> bytes:
    return bytes((code, len(text))) + text.encode()


def _sip(user: str) -> bytes:
    lines = (
        "REGISTER sip:10.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP 10.0.9.9:5060;branch=z9hG4bK77", (
            "From: "
            f"<sip:{user}@10.0.0.1>;tag=a1"
        ), f"To: <sip:{user}@10.0.0.1>",
        f"Call-ID: {user}", "CSeq: 1 REGISTER", "Contact: <sip:10.0.9.9:5060>", (
            "User-Agent: Yealink SIP-T46S "
            "66.86.0.15"
        ), "Content-Length: 0", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def _ssdp(name: str) -> bytes:
    lines = (
        "NOTIFY * HTTP/1.1", "HOST: 239.255.255.250:1900", "CACHE-CONTROL: max-age=100", (
            "LOCATION: "
            "http://10.0.9.9:80/description.xml"
        ),
        "SERVER: Hue/1.0 UPnP/1.0 IpBridge/1.56.0", "NTS: ssdp:alive", "NT: upnp:rootdevice", (
            "USN: "
            f"uuid:{name}::upnp:rootdevice"
        ), "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def _hello(name: str) -> bytes:
    """A ClientHello as the first packet of its flow."""
    body = client_hello(CIPHERS, browser_extensions(f"{name}.example.com", "h2"))
    record = b"\x16\3\1" + struct.pack("!HB", len(body) + 4, 1) + len(body).to_bytes(3, "big") + body
    return ethernet(ipv4(tcp(record, 40000, 443), 6, "10.0.9.9", "198.51.100.7"), 0x0800, src=FLOODER)


def announced(name: str) -> bytes:
    """The service and address of a printer (RFC 6763)."""
    kind = dns_name("_ipp._tcp.local")
    instance = bytes((len(name),)) + name.encode() + kind
    host = dns_name(f"{name}.local")
    answers = [
        record(kind, 12, instance),
        record(instance, 33, struct.pack("!HHH", 0, 0, 631) + host),
        record(instance, 16, strings("ty=HP LaserJet")),
    ]
    return dns_message(0, 0x8400, [], answers)


def _named(frame: bytes, text: bytes = NAME.encode(), draw: Draw = letters) -> Flood:
    return Flood(frame, ((_places(frame, text), draw),))


ARP = ethernet(
    struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes(6), b"\x0a\0\0\x07", bytes(6), b"\x0a\0\0\1") + bytes(18),
    0x0806,
    dst=ALL,
)
SYN = ethernet(ipv4(tcp(b"", 40000, 443, flags=2), 6, "10.0.9.9", "10.0.0.1"), 0x0800, src=FLOODER)
EMPTY = _datagram(b"\0" * 18, 40009)
GROUP, SEARCH = "224.0.0.251", "239.255.255.250"

# No dissector gets a further message of these: they cost rows only.
PACKETS: dict[str, Flood] = {
    "macs": Flood(ARP, ((ARP_MAC, macs), (ARP_SOURCE, addresses))),
    "addresses": Flood(EMPTY, ((SOURCE, anywhere), (PORT, ports))),
    "inside addresses": Flood(EMPTY, ((SOURCE, addresses), (PORT, ports))),
    "syns": Flood(SYN, ((MAC, macs), (SOURCE, anywhere), (PORT, ports))),
    "syns of one": Flood(SYN, ((PORT, ports), ((30,), addresses))),
}
# Each message has another name.
NAMES: dict[str, Flood] = {
    "dns": _named(_datagram(dns_message(7, 0x0100, [(dns_name(f"{NAME}.example.com"), 1)]), 53)),
    "mdns": _named(_datagram(announced(NAME), 5353, GROUP)),
    "dhcp": _named(dhcp(FLOODER, option(12, NAME), option(60, "MSFT 5.0"))),
    "nbns": _named(
        _datagram(struct.pack("!6H", 7, 0x2910, 1, 0, 0, 1) + netbios_name(NAME,
        0) + b"\0\x20\0\1\xc0\x0c\0\x20\0\1\0\4\x93\xe0\0\6\0\0\x0a\0\x09\x09", 137),
        b"EA" * len(NAME), halves,
    ),
    "ssdp": _named(_datagram(_ssdp(NAME), 1900, SEARCH)),
    "sip": _named(_datagram(_sip(NAME), 5060)),
    "tls": _named(_hello(NAME)),
}  # fmt: skip


def of_one(flood: Flood) -> Flood:
    """All packets are from one host; its ports change where it opens connections."""
    return flood if flood.frame[23] == 17 else flood._replace(drawn=(*flood.drawn, (PORT, ports)))


def of_many(flood: Flood) -> Flood:
    """Each packet is from another host."""
    return flood._replace(drawn=(*flood.drawn, (CHADDR if flood is NAMES["dhcp"] else MAC, macs), (SOURCE, addresses)))


def behind_one(flood: Flood) -> Flood:
    """Each packet is from another address, all with one MAC."""
    return flood._replace(drawn=(*flood.drawn, (SOURCE, addresses)))


def phone_mac(number: int) -> int:
    return 0x0017_9400_0001 + number


def _phone(number: int) -> bytes:
    """The phone has an address, so that no server needs to answer."""
    return dhcp(
        phone_mac(number),
        option(12, f"SEP{phone_mac(number):012X}"),
        option(60, "Cisco Systems, Inc. IP Phone CP-8841"),
        kind=INFORM,
    )


def _phones(some: range, ts: int) -> bytes:
    """The messages of some phones at a time, in ns."""
    frames = map(_phone, some)
    return b"".join(struct.pack("<IIII", *divmod(ts, 10**9), len(frame), len(frame)) + frame for frame in frames)


def stream(flood: Flood, count: int, gap_ns: int = GAP_NS) -> Iterator[bytes]:
    """``count`` packets of a flood as parts of a pcap stream (nanoseconds, little-endian), with the phones before,
    among and after them.
    """
    rng = np.random.default_rng(1)
    start, half = START_S * 10**9, PHONES // 2
    yield HEADER + _phones(range(half), start) + _phones(range(half), start + AGAIN_S * 10**9)
    begin = start + 2 * AGAIN_S * 10**9
    sent = 0
    for first in range(0, count, CHUNK):
        ts = begin + first * gap_ns
        if (ts - begin) // (AGAIN_S * 10**9) >= sent:
            yield _phones(range(PHONES), ts)
            sent += 1
        yield _records(flood, rng, ts, min(CHUNK, count - first), gap_ns)
    end = begin + count * gap_ns
    yield _phones(range(PHONES), end) + _phones(range(PHONES), end + AGAIN_S * 10**9)


def _records(flood: Flood, rng: np.random.Generator, ts: int, count: int, gap_ns: int) -> bytes:
    size = len(flood.frame)
    rows = np.empty((count, 16 + size), np.uint8)
    times = ts + np.arange(count, dtype=np.int64) * gap_ns
    head = np.stack((times // 10**9, times % 10**9, np.full(count, size), np.full(count, size)), axis=1).astype("<u4")
    rows[:, :16] = head.view(np.uint8)
    rows[:, 16:] = np.frombuffer(flood.frame, np.uint8)
    for places, draw in flood.drawn:
        drawn = draw(rng, count)
        for place in places:
            rows[:, 16 + place : 16 + place + drawn.shape[1]] = drawn
    return rows.tobytes()
