"""A tape for hundreds of thousands of frames: the headers are packed here instead of built, and what is routed is seen
once, on the segment of the client.

The mirror watches the access segments: who is reached through the router bears its MAC there. Servers among themselves
are seen in their own segment.
"""

from __future__ import annotations

import ipaddress
import struct
from functools import cache
from pathlib import Path

from scapy.packet import Packet

from pcaps._craft import BROADCAST, CLIENT, SERVER, Machine, Talk, Tape, group_mac

FLAGS = {"S": 0x02, "SA": 0x12, "A": 0x10, "PA": 0x18, "FA": 0x11, "R": 0x04, "RA": 0x14}
SYN_OPTIONS = bytes.fromhex("020405b40103030801010402")
TCP, UDP, ICMP = 6, 17, 1


@cache
def packed(ip: str) -> bytes:
    return ipaddress.IPv4Address(ip).packed


@cache
def raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def total(data: bytes) -> int:
    """The checksum of the internet (RFC 1071)."""
    summed = sum(struct.unpack(f"!{len(data) // 2}H", data))
    summed = (summed & 0xFFFF) + (summed >> 16)
    return ~(summed + (summed >> 16)) & 0xFFFF


class Press(Tape):
    """``servers``: the VLAN that the mirror does not watch when its machines talk to others."""

    def __init__(self, start: int, gateway: str, servers: int) -> None:
        super().__init__(start, gateway)
        self.servers = servers

    def wire(self, at: float, src: Machine, dst: Machine, proto: int, body: bytes) -> None:
        """One IPv4 packet where the mirror sees it."""
        near = src.shares_segment(dst)
        seen = min((one for one in (src, dst) if not one.far), key=lambda one: (one.vlan == self.servers, one.vlan))
        mine, theirs = (
            (src.mac if near or src is seen else self.gateway),
            (dst.mac if near or dst is seen else self.gateway),
        )
        self.lay(
            at,
            mine,
            theirs,
            seen.vlan,
            src,
            dst.ip,
            src.ttl if near or src is seen else src.ttl - (not src.far),
            proto,
            body,
        )

    def lay(
        self,
        at: float,
        src_mac: str,
        dst_mac: str,
        vlan: int,
        src: Machine,
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
            packed(src.ip),
            packed(dst),
        )
        head = head[:10] + struct.pack("!H", total(head)) + head[12:]
        self.put(at, raw(dst_mac) + raw(src_mac) + self.tag(vlan) + b"\x08\0" + head + body)

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

    def udp(self, at: float, src: Machine, dst: Machine, sport: int, dport: int, data: bytes | Packet) -> None:
        data = bytes(data)
        self.wire(at, src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)

    def group(
        self,
        at: float,
        src: Machine,
        group: str,
        port: int,
        data: bytes | Packet,
        ttl: int = 255,
        sport: int | None = None,
    ) -> None:
        data = bytes(data)
        mac = BROADCAST if group.endswith("255") else group_mac(group)
        self.lay(
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

    def arp(self, at: float, src: Machine, wanted: Machine | str, *, answer: bool = True) -> None:
        ip = wanted if isinstance(wanted, str) else wanted.ip
        head = self.tag(src.vlan) + b"\x08\x06" + bytes.fromhex("0001080006040001")
        self.put(at, raw(BROADCAST) + raw(src.mac) + head + raw(src.mac) + packed(src.ip) + bytes(6) + packed(ip))
        if answer and isinstance(wanted, Machine):
            self.claim(at + 0.0002, wanted.mac, wanted.ip, src)

    def claim(self, at: float, mac: str, ip: str, to: Machine) -> None:
        """An ARP reply: the address is at this MAC."""
        head = self.tag(to.vlan) + b"\x08\x06" + bytes.fromhex("0001080006040002")
        self.put(at, raw(to.mac) + raw(mac) + head + raw(mac) + packed(ip) + raw(to.mac) + packed(to.ip))

    def ping(self, at: float, src: Machine, dst: Machine, sequence: int) -> None:
        data = bytes(range(0x10, 0x38))
        for kind, after, one, other in ((8, 0.0, src, dst), (0, 0.0005, dst, src)):
            body = struct.pack("!BBHHH", kind, 0, 0, src.port, sequence & 0xFFFF) + data
            self.wire(at + after, one, other, ICMP, body[:2] + struct.pack("!H", total(body)) + body[4:])

    def probe(self, at: float, src: Machine, dst: Machine, dport: int, answer: str = "") -> None:
        sport, seq = src.next_port(), src.rng.getrandbits(32)
        self.segment(at, src, dst, sport, dport, "S", seq, 0, SYN_OPTIONS[:4])
        if answer:
            self.segment(at + 0.0006, dst, src, dport, sport, answer, src.rng.getrandbits(32), seq + 1)
        if "S" in answer:
            self.segment(at + 0.0008, src, dst, sport, dport, "R", seq + 1, 0)

    def segment(
        self,
        at: float,
        src: Machine,
        dst: Machine,
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
        self.wire(at, src, dst, TCP, head + options + data)

    def tcp(
        self,
        at: float,
        client: Machine,
        server: Machine,
        dport: int,
        talk: Talk,
        *,
        end: str = "fin",
        pause: float = 0.0,
    ) -> float:
        return Exchange(self, client, server, dport).run(at, talk, end, pause)

    def write(self, path: Path, maker: str) -> None:
        """A pcap with times in microseconds, in one go: the week is read once and thrown away."""
        self.frames.sort(key=lambda entry: entry[0])
        blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        for ts, frame in self.frames:
            seconds, rest = divmod(ts // 1000, 1_000_000)
            blocks.extend((struct.pack("<IIII", seconds, rest, len(frame), len(frame)), frame))
        path.write_bytes(b"".join(blocks))


class Exchange:
    """One TCP connection with right sequence numbers."""

    MSS = 1460

    def __init__(self, press: Press, client: Machine, server: Machine, dport: int) -> None:
        self.press, self.ends, self.ports = (
            press,
            {CLIENT: client, SERVER: server},
            {CLIENT: client.next_port(), SERVER: dport},
        )
        self.next = {CLIENT: client.rng.getrandbits(32), SERVER: client.rng.getrandbits(32)}
        self.way = 0.006 if client.far or server.far else 0.00015

    def send(self, at: float, who: bool, flags: str, data: bytes = b"", options: bytes = b"") -> None:
        ack = self.next[not who] if "A" in flags else 0
        self.press.segment(
            at,
            self.ends[who],
            self.ends[not who],
            self.ports[who],
            self.ports[not who],
            flags,
            self.next[who],
            ack,
            options,
            data,
        )
        self.next[who] = self.next[who] + len(data) + ("S" in flags) + ("F" in flags) & 0xFFFFFFFF

    def run(self, at: float, talk: Talk, end: str, pause: float) -> float:
        self.send(at, CLIENT, "S", options=SYN_OPTIONS)
        self.send(at + 2 * self.way, SERVER, "SA", options=SYN_OPTIONS)
        at += 4 * self.way
        self.send(at, CLIENT, "A")
        for who, data in talk:
            at += pause + 0.0004
            for start in range(0, len(data), self.MSS):
                last = start + self.MSS >= len(data)
                self.send(at, who, "PA" if last else "A", data[start : start + self.MSS])
                at += 0.00005
            at += 2 * self.way
            self.send(at, not who, "A")
        at += 0.001
        if end == "rst":
            self.send(at, CLIENT, "RA")
        elif end == "fin":
            for step, (who, flags) in enumerate(((CLIENT, "FA"), (SERVER, "FA"), (CLIENT, "A"))):
                self.send(at + step * 2 * self.way, who, flags)
        return at + 4 * self.way
