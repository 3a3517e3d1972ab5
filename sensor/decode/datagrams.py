"""IP reassembly: fragmented datagrams are put together before they are dissected (RFC 791, 3.2; RFC 8200, 4.5).

The row of the last missing fragment becomes the row of the whole datagram, in a synthetic Ethernet frame appended to
the bytes of the batch. Datagrams with fragments that overlap with different bytes are dropped, as receivers do (RFC
5722). Incomplete datagrams are not read: their receiver does not get them either. Fragments beyond FRAGMENTS_PER_S in a
second are ignored: file servers send them by the thousand, floods by the million. Of a flood most datagrams have no
beginning.
"""

from __future__ import annotations

import struct

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.batch import Problem
from sensor.core.bounded import Bounded
from sensor.core.event import UNFINISHED
from sensor.core.ip_protocols import UDP
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND

PIECES_LIMIT = 512  # a datagram of 1,500 bytes in the smallest fragments has 188
SIZE_LIMIT = 65_535  # bytes (RFC 791, 3.1)
# Timeout of an incomplete datagram (RFC 8200, 4.5: 60 s; Linux: 30 s); identifications are reused (RFC 4963).
WAIT_NS = 30 * SECOND
UDP_HEADER = 8
V4, V6, VLAN, ETHERNET = 0x0800, 0x86DD, 0x8100, 1
V4_HEADER, V6_HEADER = struct.Struct("!BBHHHBBHII"), struct.Struct("!IHBBQQQQ")

FRAGMENTS_PER_S = 10_000  # per second of packet time
# Columns of a row: the key of a datagram, the other columns read of each fragment, and those that the reassembled
# datagram inherits.
KEYS = ["src_hi", "src_lo", "dst_hi", "dst_lo", "proto", "vlan", "seq"]
FIELDS = [*KEYS, "ts", "problem", "spare", "frame", "payload", "payload_len", "tcp_flags"]
ENDS = ["dst_mac", "src_mac", "ip_version", "ttl"]
KEY = len(KEYS)

Bytes = npt.NDArray[np.uint8]
Key = tuple[int, ...]
Fault = tuple[int, str]
"""The row of a fragment, and one of the faults below."""

OVERLAPPING, OVERSIZED, NO_BEGINNING = "overlapping", "oversized", "unfinished"
TARGETS_LIMIT = 256


class Overlap(ValueError):
    """Fragments disagree about bytes or about the size of the datagram, or the size is impossible."""


class Datagram(msgspec.Struct):
    """The fragments so far, by offset in the IP payload; ``size`` is known once the last fragment came. ``since``: time
    of the first fragment, ns; ``late``: it was not the beginning of the datagram.
    """

    since: int
    late: bool = False
    pieces: dict[int, bytes] = {}
    held: int = 0
    size: int = -1
    broken: bool = False

    def add(self, at: int, piece: bytes, *, last: bool) -> None:
        """Add a fragment. Raises Overlap."""
        end = at + len(piece)
        if (known := self.pieces.get(at)) == piece:
            return
        if (
            known is not None
            or end > SIZE_LIMIT
            or len(self.pieces) == PIECES_LIMIT
            or (last and self.size not in (-1, end))
        ):
            raise Overlap
        self.pieces[at] = piece
        self.held += len(piece)
        self.size = end if last else self.size

    def fault(self, at: int, piece: bytes) -> str:
        """The kind of violation by a fragment that raised Overlap; empty if a reused identification (RFC 4963) explains
        it: then fragments begin at the same offsets.
        """
        if at + len(piece) > SIZE_LIMIT:
            return OVERSIZED
        ends = {**{start: start + len(held) for start, held in self.pieces.items()}, at: at + len(piece)}
        inside = any(start < other < end for start, end in ends.items() for other in ends)
        return OVERLAPPING if inside else ""

    def whole(self) -> bytes:
        """The complete payload, empty while fragments are missing. Raises Overlap."""
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
    """At most ``size`` incomplete datagrams; ``dropped`` counts datagrams dropped for the content of their fragments,
    ``ignored`` fragments beyond FRAGMENTS_PER_S.
    """

    def __init__(self, size: int) -> None:
        self.tables = NamedTables()
        self._open: Bounded[Key, Datagram] = self.tables.add("open", Bounded(size))
        # Address of a host → datagrams to it without a beginning, in a second.
        self._headless: Bounded[Key, int] = self.tables.add("headless", Bounded(TARGETS_LIMIT))
        self._second, self._taken, self._counted = -1, 0, -1
        self.dropped = self.ignored = 0
        self._faults: list[Fault] = []

    def join(self, data: Bytes, rows: npt.NDArray[np.void]) -> tuple[Bytes, npt.NDArray[np.intp], tuple[Fault, ...]]:
        """The bytes with the reassembled datagrams appended, the rows that now represent these datagrams and must be
        decoded again, and the faults of fragments that no IP stack sends.
        """
        at = self._within_limits(rows)
        changed, frames = [], []
        self._faults = []
        for index, fields in zip(at.tolist(), rows[FIELDS][at].tolist(), strict=True):
            if body := self._whole(data, fields, index):
                changed.append(index)
                frames.append(_frame(fields[:KEY], rows[ENDS][index].item(), body))
        stand_for = np.array(changed, np.intp)
        if not changed:
            return data, stand_for, tuple(self._faults)
        sizes = np.array([len(frame) for frame in frames])
        fresh = np.zeros(len(changed), rows.dtype)
        fresh["ts"], fresh["source"], fresh["link"] = rows["ts"][stand_for], rows["source"][stand_for], ETHERNET
        fresh["frame"], fresh["caplen"], fresh["wirelen"] = len(data) + np.cumsum(sizes) - sizes, sizes, sizes
        rows[stand_for] = fresh
        joined = np.concatenate((data, np.frombuffer(b"".join(frames), np.uint8)))
        return joined, stand_for, tuple(self._faults)

    def _within_limits(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.intp]:
        """Indexes of the fragments to process, the first FRAGMENTS_PER_S of each second."""
        places = np.flatnonzero(rows["fragment"])
        seconds = rows["ts"][places] // SECOND
        found, starts = np.unique(seconds, return_index=True)
        chosen = np.zeros(len(places), np.bool_)
        for second in found[np.argsort(starts)].tolist():
            if second != self._second:
                self._second, self._taken = second, 0
            some = np.flatnonzero(seconds == second)
            left = FRAGMENTS_PER_S - self._taken
            chosen[some[:left]] = True
            self._taken += min(len(some), left)
            self.ignored += max(0, len(some) - left)
        return places[chosen]

    def _whole(self, data: Bytes, fields: tuple[int, ...], row: int) -> bytes:
        """The payload of a fragment's datagram (FIELDS) if this fragment completes it, otherwise empty."""
        key, (ts, problem, eighths, frame, payload, size, more) = fields[:KEY], fields[KEY:]
        if problem & Problem.CUT:
            return b""
        datagram = self._open.get(key)
        if datagram is None or abs(ts - datagram.since) > WAIT_NS:
            self._open.put(key, datagram := Datagram(ts, eighths > 0))
            if datagram.late and self._count(key, ts, 1) == UNFINISHED:
                self._faults.append((row, NO_BEGINNING))
        if datagram.broken:
            return b""
        start = frame + payload
        head = UDP_HEADER if eighths == 0 and key[4] == UDP else 0
        piece = data[start - head : start + size].tobytes()
        try:
            datagram.add(eighths * 8, piece, last=not more)
            found = datagram.whole()
        except Overlap:
            self.dropped += 1
            if fault := datagram.fault(eighths * 8, piece):
                self._faults.append((row, fault))
            self._open.put(key, Datagram(ts, broken=True))
            return b""
        if found:
            self._open.pop(key)
            if datagram.late:
                self._count(key, ts, -1)
        return found

    def _count(self, key: Key, ts: int, step: int) -> int:
        """Count a datagram without a beginning; returns how many were sent to its target in this second."""
        if ts // SECOND != self._counted:
            self._counted = ts // SECOND
            self._headless.clear()
        count = max(0, (self._headless.get(key[2:4]) or 0) + step)
        self._headless.put(key[2:4], count)
        return count


def _frame(key: Key, ends: tuple[int, ...], body: bytes) -> bytes:
    """An Ethernet frame with the whole datagram: MACs, VLAN and addresses of a fragment (ENDS), no IP options."""
    src_hi, src_lo, dst_hi, dst_lo, proto, vlan, _ = key
    dst_mac, src_mac, version, ttl = ends
    tag = VLAN.to_bytes(2, "big") + vlan.to_bytes(2, "big") if vlan else b""
    if version == 4:
        kind, size = V4, min(V4_HEADER.size + len(body), SIZE_LIMIT)
        head = V4_HEADER.pack(0x45, 0, size, 0, 0, ttl, proto, 0, src_lo & 0xFFFFFFFF, dst_lo & 0xFFFFFFFF)
    else:
        kind, head = V6, V6_HEADER.pack(6 << 28, len(body), proto, ttl, src_hi, src_lo, dst_hi, dst_lo)
    return dst_mac.to_bytes(6, "big") + src_mac.to_bytes(6, "big") + tag + kind.to_bytes(2, "big") + head + body
