"""Frames decoded to the payload, so that a rewrite changes one thing and all lengths and checksums are recalculated."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sensor.capture.files import open_captures

V4, V6, TCP, UDP = 0x0800, 0x86DD, 6, 17
HEADER = struct.Struct("!BBHHHBBH4s4s")
SYN, FIN, RST, PSH, ACK, URG = 2, 1, 4, 8, 16, 32


class Frame(NamedTuple):
    """A captured frame: time in ns, bytes from the Ethernet header, and their number on the wire."""

    ts: int
    data: bytes
    wire: int


class Datagram(NamedTuple):
    """An IPv4 datagram in an Ethernet frame: MACs (destination, source), the fields that rewrites change, and the
    payload.
    """

    ts: int
    macs: bytes
    src: bytes
    dst: bytes
    proto: int
    ident: int
    body: bytes
    options: bytes = b""
    ttl: int = 64
    offset: int = 0
    more: bool = False


class Segment(NamedTuple):
    """A TCP segment, and its datagram."""

    carrier: Datagram
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    urgent: int
    options: bytes
    payload: bytes

    @property
    def stream(self) -> tuple[bytes, bytes, int, int]:
        """One direction of one connection."""
        return self.carrier.src, self.carrier.dst, self.sport, self.dport


def read(path: Path) -> list[Frame]:
    """All frames of an Ethernet capture."""
    source, found = open_captures([str(path)]), []
    try:
        for batch in source.batches():
            data = batch.data.tobytes()
            found += [
                Frame(int(r["ts"]), data[int(r["frame"]) : int(r["frame"]) + int(r["caplen"])], int(r["wirelen"]))
                for r in batch.rows
            ]
            batch.release()
    finally:
        source.close()
    return found


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2")
    total = int(words.sum(dtype=np.uint64))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def opened(frame: Frame) -> Datagram | None:
    """The datagram in a frame; None for other protocols, and for truncated frames or fragments."""
    data = frame.data
    if len(data) < 34 or data[12:14] != b"\x08\0":
        return None
    first, _, size, ident, place, ttl, proto, _, src, dst = HEADER.unpack_from(data, 14)
    head = (first & 15) * 4
    size = size or len(data) - 14  # TSO: the length is set by the network card
    if first >> 4 != 4 or place & 0x3FFF or size > len(data) - 14 or head < 20:
        return None
    return Datagram(frame.ts, data[:12], src, dst, proto, ident, data[14 + head : 14 + size], data[34 : 14 + head], ttl)


def packed(one: Datagram) -> bytes:
    """The datagram with its header."""
    size, place = 20 + len(one.options) + len(one.body), one.more << 13 | one.offset >> 3
    first = 0x40 | 5 + len(one.options) // 4
    head = HEADER.pack(first, 0, size, one.ident, place, one.ttl, one.proto, 0, one.src, one.dst) + one.options
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + one.body


def framed(ts: int, macs: bytes, kind: int, payload: bytes) -> Frame:
    """An Ethernet frame."""
    data = macs + kind.to_bytes(2, "big") + payload
    return Frame(ts, data, len(data))


def closed(one: Datagram) -> Frame:
    """The frame of a datagram."""
    return framed(one.ts, one.macs, V4, packed(one))


def segment_of(one: Datagram) -> Segment | None:
    """The segment in a datagram; None for other protocols."""
    if one.proto != TCP or len(one.body) < 20:
        return None
    sport, dport, seq, ack, head, flags, window, _, urgent = struct.unpack_from("!HHIIBBHHH", one.body)
    size = (head >> 4) * 4
    return Segment(one, sport, dport, seq, ack, flags, window, urgent, one.body[20:size], one.body[size:])


def carried(one: Segment) -> Datagram:
    """The datagram of a segment, with its checksum."""
    fixed = (
        one.sport,
        one.dport,
        one.seq & 0xFFFFFFFF,
        one.ack & 0xFFFFFFFF,
        (5 + len(one.options) // 4) << 4,
        one.flags,
        one.window,
    )
    body = struct.pack("!HHIIBBHHH", *fixed, 0, one.urgent) + one.options + one.payload
    carrier = one.carrier
    body = body[:16] + transport_sum(carrier.src, carrier.dst, TCP, body).to_bytes(2, "big") + body[18:]
    return carrier._replace(body=body)


def transport_sum(src: bytes, dst: bytes, proto: int, body: bytes) -> int:
    """The checksum of TCP, UDP and ICMPv6 over the pseudo header, for IPv4 and IPv6."""
    sizes = struct.pack("!II", len(body), proto) if len(src) == 16 else struct.pack("!HH", proto, len(body))
    return checksum(src + dst + sizes + body)


def datagrams(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Datagram | None]]:
    """Each frame with its datagram."""
    return ((frame, opened(frame)) for frame in frames)
