"""A capture of hundreds of thousands of frames: packs headers with struct instead of scapy, and writes pcap.

The mirror port sees the access segments. Routed packets are captured once, in the segment of the client, with the MAC
address of the router for the remote host. Packets between servers are captured in their own segment.
"""

from __future__ import annotations

import ipaddress
import struct
from functools import cache
from pathlib import Path

from scapy.packet import Packet

from pcaps._capture import BROADCAST, CLIENT, SERVER, Capture, Host, Payloads, group_mac

FLAGS = {"S": 0x02, "SA": 0x12, "A": 0x10, "PA": 0x18, "FA": 0x11, "R": 0x04, "RA": 0x14}
SYN_OPTIONS = bytes.fromhex("020405b40103030801010402")
TCP, UDP, ICMP = 6, 17, 1


@cache
def ip_bytes(ip: str) -> bytes:
    return ipaddress.IPv4Address(ip).packed


@cache
def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    summed = sum(struct.unpack(f"!{len(data) // 2}H", data))
    summed = (summed & 0xFFFF) + (summed >> 16)
    return ~(summed + (summed >> 16)) & 0xFFFF


class PackedCapture(Capture):
    """``servers``: VLAN of the servers. Packets between a server and a host of another VLAN are captured in the other
    VLAN.
    """

    def __init__(self, start: int, gateway: str, servers: int) -> None:
        super().__init__(start, gateway)
        self.servers = servers

    def put_visible(self, at: float, src: Host, dst: Host, proto: int, body: bytes) -> None:
        """An IPv4 packet in the segment in which the mirror port sees it."""
        direct = src.shares_segment(dst)
        visible = min(
            (host for host in (src, dst) if not host.remote),
            key=lambda host: (host.vlan == self.servers, host.vlan),
        )
        src_mac = src.mac if direct or src is visible else self.gateway
        dst_mac = dst.mac if direct or dst is visible else self.gateway
        self.put_ipv4(
            at,
            src_mac,
            dst_mac,
            visible.vlan,
            src,
            dst.ip,
            src.ttl if direct or src is visible else src.ttl - (not src.remote),
            proto,
            body,
        )

    def put_ipv4(
        self,
        at: float,
        src_mac: str,
        dst_mac: str,
        vlan: int,
        src: Host,
        dst: str,
        ttl: int,
        proto: int,
        body: bytes,
    ) -> None:
        flags = 0x4000 if proto == TCP else 0
        head = struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            0,
            20 + len(body),
            src.next_ident(),
            flags,
            ttl,
            proto,
            0,
            ip_bytes(src.ip),
            ip_bytes(dst),
        )
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.put(at, mac_bytes(dst_mac) + mac_bytes(src_mac) + self.tag(vlan) + b"\x08\0" + head + body)

    @staticmethod
    def tag(vlan: int) -> bytes:
        return struct.pack("!HH", 0x8100, vlan) if vlan else b""

    def put(self, at: float, frame: Packet | bytes) -> None:
        self.frames.append(
            (
                self.start * 1_000_000_000 + round(at * 1_000_000) * 1000,
                frame if isinstance(frame, bytes) else bytes(frame),
            )
        )

    def udp(self, at: float, src: Host, dst: Host, sport: int, dport: int, data: bytes | Packet) -> None:
        data = bytes(data)
        self.put_visible(at, src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)

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
        data = bytes(data)
        mac = BROADCAST if group.endswith("255") else group_mac(group)
        self.put_ipv4(
            at,
            src.mac,
            mac,
            src.vlan,
            src,
            group,
            ttl,
            UDP,
            struct.pack("!HHHH", sport or port, port, 8 + len(data), 0) + data,
        )

    def arp(self, at: float, src: Host, target: Host | str, *, answer: bool = True) -> None:
        ip = target if isinstance(target, str) else target.ip
        head = self.tag(src.vlan) + b"\x08\x06" + bytes.fromhex("0001080006040001")
        self.put(
            at,
            mac_bytes(BROADCAST)
            + mac_bytes(src.mac)
            + head
            + mac_bytes(src.mac)
            + ip_bytes(src.ip)
            + bytes(6)
            + ip_bytes(ip),
        )
        if answer and isinstance(target, Host):
            self.arp_reply(at + 0.0002, target.mac, target.ip, src)

    def arp_reply(self, at: float, mac: str, ip: str, to: Host) -> None:
        """An ARP reply: the MAC address of an IP address."""
        head = self.tag(to.vlan) + b"\x08\x06" + bytes.fromhex("0001080006040002")
        self.put(
            at,
            mac_bytes(to.mac)
            + mac_bytes(mac)
            + head
            + mac_bytes(mac)
            + ip_bytes(ip)
            + mac_bytes(to.mac)
            + ip_bytes(to.ip),
        )

    def ping(self, at: float, src: Host, dst: Host, sequence: int) -> None:
        data = bytes(range(0x10, 0x38))
        for kind, after, host, other in ((8, 0.0, src, dst), (0, 0.0005, dst, src)):
            body = struct.pack("!BBHHH", kind, 0, 0, src.port, sequence & 0xFFFF) + data
            self.put_visible(at + after, host, other, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])

    def probe(self, at: float, src: Host, dst: Host, dport: int, answer: str = "") -> None:
        sport, seq = src.next_port(), src.rng.getrandbits(32)
        self.segment(at, src, dst, sport, dport, "S", seq, 0, SYN_OPTIONS[:4])
        if answer:
            self.segment(at + 0.0006, dst, src, dport, sport, answer, src.rng.getrandbits(32), seq + 1)
        if "S" in answer:
            self.segment(at + 0.0008, src, dst, sport, dport, "R", seq + 1, 0)

    def segment(
        self,
        at: float,
        src: Host,
        dst: Host,
        sport: int,
        dport: int,
        flags: str,
        seq: int,
        ack: int,
        options: bytes = b"",
        data: bytes = b"",
    ) -> None:
        size = (20 + len(options)) << 2
        head = struct.pack(
            "!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, size, FLAGS[flags], src.window, 0, 0
        )
        self.put_visible(at, src, dst, TCP, head + options + data)

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
        return Connection(self, client, server, dport).run(at, payloads, end, pause)

    def write(self, path: Path, application: str) -> None:
        """Writes pcap, with timestamps in microseconds."""
        self.frames.sort(key=lambda entry: entry[0])
        blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        for ts, frame in self.frames:
            seconds, rest = divmod(ts // 1000, 1_000_000)
            blocks.extend((struct.pack("<IIII", seconds, rest, len(frame), len(frame)), frame))
        path.write_bytes(b"".join(blocks))


class Connection:
    """A TCP connection with valid sequence numbers."""

    MSS = 1460

    def __init__(self, capture: PackedCapture, client: Host, server: Host, dport: int) -> None:
        self.capture = capture
        self.hosts = {CLIENT: client, SERVER: server}
        self.ports = {CLIENT: client.next_port(), SERVER: dport}
        self.next = {CLIENT: client.rng.getrandbits(32), SERVER: client.rng.getrandbits(32)}
        self.delay = 0.006 if client.remote or server.remote else 0.00015

    def send(self, at: float, from_client: bool, flags: str, data: bytes = b"", options: bytes = b"") -> None:
        ack = self.next[not from_client] if "A" in flags else 0
        self.capture.segment(
            at,
            self.hosts[from_client],
            self.hosts[not from_client],
            self.ports[from_client],
            self.ports[not from_client],
            flags,
            self.next[from_client],
            ack,
            options,
            data,
        )
        self.next[from_client] = self.next[from_client] + len(data) + ("S" in flags) + ("F" in flags) & 0xFFFFFFFF

    def run(self, at: float, payloads: Payloads, end: str, pause: float) -> float:
        self.send(at, CLIENT, "S", options=SYN_OPTIONS)
        self.send(at + 2 * self.delay, SERVER, "SA", options=SYN_OPTIONS)
        at += 4 * self.delay
        self.send(at, CLIENT, "A")
        for from_client, data in payloads:
            at += pause + 0.0004
            for start in range(0, len(data), self.MSS):
                last = start + self.MSS >= len(data)
                self.send(at, from_client, "PA" if last else "A", data[start : start + self.MSS])
                at += 0.00005
            at += 2 * self.delay
            self.send(at, not from_client, "A")
        at += 0.001
        if end == "rst":
            self.send(at, CLIENT, "RA")
        elif end == "fin":
            for step, (from_client, flags) in enumerate(((CLIENT, "FA"), (SERVER, "FA"), (CLIENT, "A"))):
                self.send(at + step * 2 * self.delay, from_client, flags)
        return at + 4 * self.delay
