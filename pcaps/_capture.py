"""Builders of generated captures: hosts, timestamped frames, TCP connections, and a pcapng writer whose output depends
on the frames only.

Frames are built with scapy, which is used here and in tests only. Times are seconds since the start of the capture.
Random values come from generators seeded with host names.
"""

from __future__ import annotations

import ipaddress
import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

NANOSECOND = 1_000_000_000
BROADCAST = "ff:ff:ff:ff:ff:ff"
CLIENT, SERVER = True, False
Payloads = Iterable[tuple[bool, bytes]]  # (CLIENT or SERVER, payload)


@dataclass
class Host:
    """A host. ``net``: prefix length of its subnet. ``remote``: reached through the gateway, whose MAC address its
    frames have.
    """

    name: str
    mac: str
    ip: str
    vlan: int = 0
    ttl: int = 64
    net: int = 24
    remote: bool = False
    window: int = 64240
    ident: int = field(init=False)
    port: int = field(init=False)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.name)
        self.ident, self.port = self.rng.getrandbits(16), 49152 + self.rng.getrandbits(13)

    @property
    def hex(self) -> str:
        """The MAC address without separators, as host names contain it."""
        return self.mac.replace(":", "")

    @property
    def link_local(self) -> str:
        """The link-local address with the interface identifier derived from the MAC address (RFC 4291, appendix A)."""
        raw = bytes.fromhex(self.hex)
        return str(
            ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" + raw[3:])
        )

    def next_port(self) -> int:
        self.port = 49152 + (self.port + 1 - 49152) % 16384
        return self.port

    def next_ident(self) -> int:
        self.ident = (self.ident + 1) & 0xFFFF
        return self.ident

    def shares_segment(self, other: Host) -> bool:
        if self.remote or other.remote or self.vlan != other.vlan:
            return False
        return ipaddress.ip_address(other.ip) in ipaddress.ip_network(f"{self.ip}/{self.net}", strict=False)


def group_mac(ip: str) -> str:
    """The MAC address of a multicast group (RFC 1112, 6.4; RFC 2464, 7)."""
    address = ipaddress.ip_address(ip)
    low = int(address).to_bytes(16 if address.version == 6 else 4, "big")
    raw = b"\x33\x33" + low[-4:] if address.version == 6 else b"\x01\x00\x5e" + bytes((low[1] & 0x7F,)) + low[2:]
    return raw.hex(":")


class Capture:
    """Frames with timestamps. ``gateway``: MAC address of the router, in frames from and to remote hosts."""

    def __init__(self, start: int, gateway: str) -> None:
        self.start, self.gateway = start, gateway
        self.frames: list[tuple[int, bytes]] = []

    def put(self, at: float, frame: Packet | bytes) -> None:
        self.frames.append((self.start * NANOSECOND + round(at * 1_000_000) * 1000, bytes(frame)))

    def link(self, src: Host, dst_mac: str, vlan: int) -> Packet:
        frame = Ether(src=self.gateway if src.remote else src.mac, dst=dst_mac)
        return frame / Dot1Q(vlan=vlan) if vlan else frame

    def ip(self, at: float, src: Host, dst: Host, layer: Packet) -> None:
        """An IPv4 packet between two hosts, direct or through the gateway."""
        mac = dst.mac if src.shares_segment(dst) else (dst.mac if src.remote else self.gateway)
        head = IP(src=src.ip, dst=dst.ip, ttl=src.ttl, id=src.next_ident(), flags="DF" if isinstance(layer, TCP) else 0)
        self.put(at, self.link(src, mac, dst.vlan if src.remote else src.vlan) / head / layer)

    def udp(self, at: float, src: Host, dst: Host, sport: int, dport: int, data: bytes | Packet) -> None:
        self.ip(at, src, dst, UDP(sport=sport, dport=dport) / (Raw(data) if isinstance(data, bytes) else data))

    def group(
        self,
        at: float,
        src: Host,
        group: str,
        port: int,
        data: bytes | Packet,
        ttl: int = 255,
        sport: int | None = None,
    ) -> None:
        """A UDP datagram to a multicast or broadcast address of the subnet."""
        mac = BROADCAST if group.endswith("255") else group_mac(group)
        head = IP(src=src.ip, dst=group, ttl=ttl, id=src.next_ident())
        layer = UDP(sport=sport or port, dport=port) / (Raw(data) if isinstance(data, bytes) else data)
        self.put(at, self.link(src, mac, src.vlan) / head / layer)

    def ip6(self, at: float, src: Host, dst: str, layer: Packet, source: str | None = None) -> None:
        """An IPv6 packet to a multicast group of the link."""
        self.put(
            at, self.link(src, group_mac(dst), src.vlan) / IPv6(src=source or src.link_local, dst=dst, hlim=255) / layer
        )

    def arp(self, at: float, src: Host, target: Host | str, *, answer: bool = True) -> None:
        """An ARP request; and the reply, if ``target`` is a host."""
        ip = target if isinstance(target, str) else target.ip
        self.put(
            at,
            self.link(src, BROADCAST, src.vlan)
            / ARP(op=1, hwsrc=src.mac, psrc=src.ip, hwdst="00:00:00:00:00:00", pdst=ip),
        )
        if answer and isinstance(target, Host):
            reply = ARP(op=2, hwsrc=target.mac, psrc=target.ip, hwdst=src.mac, pdst=src.ip)
            self.put(at + 0.0002, self.link(target, src.mac, src.vlan) / reply)

    def ping(self, at: float, src: Host, dst: Host, sequence: int) -> None:
        data = bytes(range(0x10, 0x38))
        self.ip(at, src, dst, ICMP(type=8, id=src.port, seq=sequence) / Raw(data))
        self.ip(at + 0.0005, dst, src, ICMP(type=0, id=src.port, seq=sequence) / Raw(data))

    def probe(self, at: float, src: Host, dst: Host, dport: int, answer: str = "") -> None:
        """The SYN of a scanner. ``answer``: TCP flags of the reply; empty: no reply. The scanner resets an open port at
        once.
        """
        sport, seq = src.next_port(), src.rng.getrandbits(32)
        self.ip(at, src, dst, TCP(sport=sport, dport=dport, flags="S", seq=seq, window=1024, options=[("MSS", 1460)]))
        if answer:
            back, window = (dst.rng.getrandbits(32), 64240) if "S" in answer else (0, 0)
            self.ip(
                at + 0.0006,
                dst,
                src,
                TCP(sport=dport, dport=sport, flags=answer, seq=back, ack=seq + 1 & 0xFFFFFFFF, window=window),
            )
        if "S" in answer:
            self.ip(at + 0.0008, src, dst, TCP(sport=sport, dport=dport, flags="R", seq=seq + 1 & 0xFFFFFFFF, window=0))

    def tcp(
        self,
        at: float,
        client: Host,
        server: Host,
        dport: int,
        payloads: Payloads,
        *,
        end: str = "fin",
        pause: float = 0.0,
    ) -> float:
        """A TCP connection: handshake, payloads, and a FIN or RST of the client, or nothing (``end``). Returns the time
        of its end.
        """
        return Connection(self, client, server, dport).run(at, payloads, end, pause)

    def write(self, path: Path, application: str) -> None:
        """Writes pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface, timestamps in nanoseconds,
        interface statistics at the end (no drops).
        """
        frames = sorted(self.frames, key=lambda entry: entry[0])
        blocks = [
            block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options((4, application.encode()))),
            block(1, struct.pack("<HHI", 1, 0, 262144) + options((2, b"mirror0"), (9, b"\x09"))),
        ]
        for ts, frame in frames:
            head = struct.pack("<IIIII", 0, ts >> 32, ts & 0xFFFFFFFF, len(frame), len(frame))
            blocks.append(block(6, head + frame + bytes(-len(frame) % 4)))
        last = frames[-1][0]
        counters = options((4, struct.pack("<Q", len(frames))), (5, struct.pack("<Q", 0)))
        blocks.append(block(5, struct.pack("<III", 0, last >> 32, last & 0xFFFFFFFF) + counters))
        path.write_bytes(b"".join(blocks))


def block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def options(*entries: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in entries
    ) + bytes(4)


class Connection:
    """A TCP connection with valid sequence numbers."""

    MSS = 1460

    def __init__(self, capture: Capture, client: Host, server: Host, dport: int) -> None:
        self.capture = capture
        self.hosts = {CLIENT: client, SERVER: server}
        self.ports = {CLIENT: client.next_port(), SERVER: dport}
        self.next = {CLIENT: client.rng.getrandbits(32), SERVER: client.rng.getrandbits(32)}
        self.delay = 0.00015 if not (client.remote or server.remote) else 0.006 + client.rng.random() * 0.008

    def send(self, at: float, from_client: bool, flags: str, data: bytes = b"", **more: object) -> None:
        layer = TCP(
            sport=self.ports[from_client],
            dport=self.ports[not from_client],
            flags=flags,
            seq=self.next[from_client],
            window=self.hosts[from_client].window,
            **more,
        )
        if "A" in flags:
            layer.ack = self.next[not from_client]
        self.capture.ip(at, self.hosts[from_client], self.hosts[not from_client], layer / Raw(data) if data else layer)
        self.next[from_client] = (self.next[from_client] + len(data) + ("S" in flags) + ("F" in flags)) & 0xFFFFFFFF

    def run(self, at: float, payloads: Payloads, end: str, pause: float) -> float:
        for from_client, flags in ((CLIENT, "S"), (SERVER, "SA")):
            self.send(
                at, from_client, flags, options=[("MSS", self.MSS), ("NOP", None), ("WScale", 8), ("SAckOK", b"")]
            )
            at += 2 * self.delay
        self.send(at, CLIENT, "A")
        for from_client, data in payloads:
            at += pause + 0.0004
            for start in range(0, len(data), self.MSS):
                piece = data[start : start + self.MSS]
                self.send(at, from_client, "PA" if start + self.MSS >= len(data) else "A", piece)
                at += 0.00005
            at += 2 * self.delay
            self.send(at, not from_client, "A")
        at += 0.001
        if end == "rst":
            self.send(at, CLIENT, "RA")
        elif end == "fin":
            self.send(at, CLIENT, "FA")
            self.send(at + 2 * self.delay, SERVER, "FA")
            self.send(at + 4 * self.delay, CLIENT, "A")
        return at + 4 * self.delay
