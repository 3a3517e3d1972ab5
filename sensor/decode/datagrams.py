"""Datagrams that came in fragments, put together before anything reads them (RFC 791, 3.2; RFC 8200, 4.5).

The row of the last missing fragment becomes that of the whole datagram, in an Ethernet frame of its own behind the bytes of the batch. Fragments that
overlap with other bytes are dropped with their datagram, as receivers do (RFC 5722). Bounded; what misses a fragment is never seen, neither by its receiver.
Fragments of a second beyond FRAGMENTS_PER_S are ignored: streams of video and file servers send them by the thousand, floods by the million.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.batch import Problem
from sensor.core.bounded import Bounded

PIECES_LIMIT = 512  # a frame of 1,500 bytes in the smallest fragments has 188
SIZE_LIMIT = 65_535  # bytes (RFC 791, 3.1)
FRAGMENTS_PER_S = 10_000
SECOND = 1_000_000_000
WAIT_NS = 30 * 1_000_000_000  # for what is missing (RFC 8200, 4.5: 60 s; Linux: 30 s); identifications are used again (RFC 4963)
UDP, UDP_HEADER = 17, 8
V4, V6, VLAN = 0x0800, 0x86DD, 0x8100

Bytes = npt.NDArray[np.uint8]
Key = tuple[int, ...]


class Overlap(ValueError):
    """Two fragments hold different bytes for one place, or the datagram has no one size."""


class Datagram(msgspec.Struct):
    """The fragments so far, by offset in the payload of IP; ``size`` is known once the last one came. ``since``: when the first of them came, in ns."""

    since: int
    pieces: dict[int, bytes] = {}
    held: int = 0
    size: int = -1
    broken: bool = False

    def add(self, at: int, piece: bytes, *, last: bool) -> None:
        """One fragment; raises Overlap."""
        end = at + len(piece)
        if (known := self.pieces.get(at)) == piece:
            return
        if known is not None or end > SIZE_LIMIT or len(self.pieces) == PIECES_LIMIT or (last and self.size not in (-1, end)):
            raise Overlap
        self.pieces[at] = piece
        self.held += len(piece)
        self.size = end if last else self.size

    def whole(self) -> bytes:
        """All bytes, empty while some are missing; raises Overlap."""
        if self.size < 0 or self.held < self.size:
            return b""
        found = bytearray()
        for at, piece in sorted(self.pieces.items()):
            again = len(found) - at
            if again < 0:
                return b""
            if found[at : at + len(piece)] != piece[:again]:
                raise Overlap
            found += piece[again:]
        if len(found) > self.size:
            raise Overlap
        return bytes(found)


class Datagrams:
    """The datagrams in the making, at most ``size`` of them; ``dropped`` counts those given up for what their fragments hold, ``ignored`` fragments beyond
    FRAGMENTS_PER_S.
    """

    def __init__(self, size: int) -> None:
        self._open: Bounded[Key, Datagram] = Bounded(size)
        self._second, self._taken = -1, 0
        self.dropped = self.ignored = 0

    def join(self, data: Bytes, rows: npt.NDArray[np.void]) -> tuple[Bytes, npt.NDArray[np.intp]]:
        """The bytes with the datagrams that became whole behind them, and the rows that stand for those now, to be decoded again."""
        frames, changed, end = [data], [], len(data)
        for index in self._affordable(rows):
            row = rows[index]
            body = self._whole(data, row)
            if body:
                frame = _frame(row, body)
                rows[index] = _fresh(row, end, len(frame))
                frames.append(np.frombuffer(frame, np.uint8))
                changed.append(index)
                end += len(frame)
        return (np.concatenate(frames) if changed else data), np.array(changed, np.intp)

    def _affordable(self, rows: npt.NDArray[np.void]) -> list[int]:
        """Places of the fragments, the first FRAGMENTS_PER_S of each second of packet time."""
        places, chosen = np.flatnonzero(rows["fragment"]), list[int]()
        seconds, starts = np.unique(rows["ts"][places] // SECOND, return_index=True)
        order = np.argsort(starts)
        for second, some in zip(seconds[order].tolist(), np.split(places, starts[order][1:]), strict=True):
            if second != self._second:
                self._second, self._taken = second, 0
            left = FRAGMENTS_PER_S - self._taken
            chosen += some[:left].tolist()
            self._taken += min(len(some), left)
            self.ignored += max(0, len(some) - left)
        return chosen

    def _whole(self, data: Bytes, row: Any) -> bytes:
        """What the datagram of a fragment carries, where it is the last that was missing."""
        if row["problem"] & Problem.CUT:
            return b""
        key, ts = tuple(int(row[name]) for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "proto", "vlan", "seq")), int(row["ts"])
        datagram = self._open.get(key)
        if datagram is None or abs(ts - datagram.since) > WAIT_NS:
            self._open.put(key, datagram := Datagram(ts))
        if datagram.broken:
            return b""
        at, start = int(row["spare"]) * 8, int(row["frame"]) + int(row["payload"])
        head = UDP_HEADER if at == 0 and row["proto"] == UDP else 0
        try:
            datagram.add(at, data[start - head : start + int(row["payload_len"])].tobytes(), last=not row["tcp_flags"])
            found = datagram.whole()
        except Overlap:
            self.dropped += 1
            self._open.put(key, Datagram(ts, broken=True))
            return b""
        if found:
            self._open.pop(key)
        return found


def _fresh(row: Any, frame: int, size: int) -> npt.NDArray[np.void]:
    """A row as a source gives it, for a frame of ``size`` bytes at an offset."""
    made = np.zeros((), row.dtype)
    made["ts"], made["source"], made["link"] = row["ts"], row["source"], 1
    made["frame"], made["caplen"], made["wirelen"] = frame, size, size
    return made


def _frame(row: Any, body: bytes) -> bytes:
    """An Ethernet frame with the whole datagram: the MACs, VLAN and addresses of a fragment, no options."""
    version = int(row["ip_version"])
    tag = VLAN.to_bytes(2, "big") + int(row["vlan"]).to_bytes(2, "big") if row["vlan"] else b""
    macs = b"".join(int(row[name]).to_bytes(8, "big")[2:] for name in ("dst_mac", "src_mac"))
    ends = [int(row[f"{end}_hi"]) << 64 | int(row[f"{end}_lo"]) for end in ("src", "dst")]
    ttl, proto = int(row["ttl"]), int(row["proto"])
    if version == 4:
        size = min(20 + len(body), SIZE_LIMIT)
        head = b"\x45\0" + size.to_bytes(2, "big") + bytes((0, 0, 0, 0, ttl, proto, 0, 0)) + b"".join((end & 0xFFFFFFFF).to_bytes(4, "big") for end in ends)
    else:
        head = b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes((proto, ttl)) + b"".join(end.to_bytes(16, "big") for end in ends)
    return macs + tag + (V4 if version == 4 else V6).to_bytes(2, "big") + head + body
