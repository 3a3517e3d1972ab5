"""Builders of the dissector captures: frames around a payload, TCP connections, pcap files.

Addresses, names and serial numbers are fictitious. Message formats are those of common devices. All frames are
Ethernet, with timestamps in microseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address

START = 1_767_601_800  # 2026-01-05 08:30:00 UTC
GATEWAY, PHONE, PRINTER, DESKTOP, PBX, CAMERA = (f"02:00:5e:00:53:{n:02x}" for n in range(1, 7))
PHONE_LONG = "00:15:65:5e:53:02"
ALL, NO_MAC = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
Frames = Iterator[bytes]


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    return ip_address(text).packed


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(src: str, dst: str, kind: int, payload: bytes, vlan: int = 0) -> bytes:
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return (mac(dst) + mac(src) + tag + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def ip_frame(
    src_mac: str,
    dst_mac: str,
    src: str,
    dst: str,
    proto: int,
    segment: bytes,
    checksum_at: int,
    *,
    ttl: int = 64,
    vlan: int = 0,
) -> bytes:
    """An IPv4 or IPv6 frame, depending on the addresses; the transport checksum is written at its offset."""
    ends = ip(src) + ip(dst)
    total = checksum(ends + struct.pack("!II", len(segment), proto) + segment)
    segment = segment[:checksum_at] + struct.pack("!H", total or 0xFFFF) + segment[checksum_at + 2 :]
    if ":" in src:
        return ethernet(
            src_mac, dst_mac, 0x86DD, struct.pack("!IHBB", 6 << 28, len(segment), proto, ttl) + ends + segment, vlan
        )
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0x4000, ttl, proto, 0) + ends
    return ethernet(src_mac, dst_mac, 0x0800, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment, vlan)


def udp(
    src_mac: str,
    dst_mac: str,
    src: str,
    dst: str,
    sport: int,
    dport: int,
    payload: bytes,
    *,
    ttl: int = 64,
    vlan: int = 0,
) -> bytes:
    return ip_frame(
        src_mac,
        dst_mac,
        src,
        dst,
        17,
        struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload,
        6,
        ttl=ttl,
        vlan=vlan,
    )


def conversation(client: tuple[str, str, int], server: tuple[str, str, int], parts: list[tuple[bool, bytes]]) -> Frames:
    """A TCP connection: handshake, payloads (from the client or not), FIN. Endpoints are (MAC, address, port)."""
    sent = {True: 1000, False: 5000}

    def segment(from_client: bool, flags: int, payload: bytes = b"") -> bytes:
        source, target = (client, server) if from_client else (server, client)
        ack = sent[not from_client] if flags & 16 else 0
        head = struct.pack("!HHIIBBHHH", source[2], target[2], sent[from_client], ack, 0x50, flags, 64240, 0, 0)
        sent[from_client] += len(payload) + bool(flags & 3)
        return ip_frame(source[0], target[0], source[1], target[1], 6, head + payload, 16)

    yield segment(True, 2)
    yield segment(False, 18)
    yield segment(True, 16)
    for from_client, payload in parts:
        yield segment(from_client, 24, payload)
    yield segment(True, 17)
    yield segment(False, 17)
    yield segment(True, 16)


def capture(frames: Frames) -> bytes:
    """A pcap file (little-endian, microseconds, Ethernet); frames are 40 ms apart."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, frame in enumerate(frames):
        millis = number * 40
        parts += [struct.pack("<IIII", START + millis // 1000, millis % 1000 * 1000, len(frame), len(frame)), frame]
    return b"".join(parts)
