"""Shared helpers of the tests: batches from frames, and frames from a few arguments."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from sensor.core.addresses import parse
from sensor.core.batch import ROW, Batch, Problem
from sensor.core.time_units import SECOND
from sensor.decode.frames import decode

MAC_A, MAC_B = 0x0200_0000_000A, 0x0200_0000_000B


def batch_of(
    frames: Sequence[bytes],
    *,
    link: int = 1,
    times: Sequence[int] | None = None,
    wire: Sequence[int] | None = None,
    raw: bool = False,
) -> Batch:
    """A batch with the frames in order, decoded unless ``raw``; ``times`` in ns, by default one microsecond apart."""
    rows = np.zeros(len(frames), ROW)
    sizes = np.array([len(frame) for frame in frames], np.int64)
    rows["frame"] = np.cumsum(sizes) - sizes
    rows["caplen"], rows["wirelen"], rows["link"] = sizes, sizes if wire is None else wire, link
    rows["ts"] = [SECOND + 1000 * i for i in range(len(frames))] if times is None else times
    batch = Batch(np.frombuffer(b"".join(frames) or b"\0", np.uint8), rows)
    decode(batch.data, rows)
    return batch


def malformed(batch: Batch) -> int:
    """How many frames of a decoded batch are malformed."""
    return int(
        np.count_nonzero(batch.rows["problem"] & ~np.uint16(Problem.CUT | Problem.LINK_UNKNOWN | Problem.NESTED_TAG))
    )


def ethernet(payload: bytes, kind: int, *, src: int = MAC_A, dst: int = MAC_B, vlan: int = 0) -> bytes:
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return dst.to_bytes(6, "big") + src.to_bytes(6, "big") + tag + struct.pack("!H", kind) + payload


def ipv4(payload: bytes, proto: int, src: str = "10.0.0.1", dst: str = "10.0.0.2", *, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, fragment, 64, proto, 0)
    return head + (parse(src) & 0xFFFFFFFF).to_bytes(4, "big") + (parse(dst) & 0xFFFFFFFF).to_bytes(4, "big") + payload


def ipv6(payload: bytes, proto: int, src: str = "fd00::1", dst: str = "fd00::2") -> bytes:
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), proto, 64)
        + parse(src).to_bytes(16, "big")
        + parse(dst).to_bytes(16, "big")
        + payload
    )


def tcp(
    payload: bytes = b"", sport: int = 40000, dport: int = 80, *, flags: int = 0x18, seq: int = 1, ack: int = 0
) -> bytes:
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 1024, 0, 0) + payload


def udp(payload: bytes = b"", sport: int = 40000, dport: int = 53) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp_frame(
    src: str,
    dst: str,
    payload: bytes = b"",
    *,
    sport: int = 40000,
    dport: int = 80,
    flags: int = 0x18,
    seq: int = 1,
    ack: int = 0,
    vlan: int = 0,
) -> bytes:
    return ethernet(ipv4(tcp(payload, sport, dport, flags=flags, seq=seq, ack=ack), 6, src, dst), 0x0800, vlan=vlan)


def udp_frame(src: str, dst: str, payload: bytes = b"", *, sport: int = 40000, dport: int = 53) -> bytes:
    return ethernet(ipv4(udp(payload, sport, dport), 17, src, dst), 0x0800)
