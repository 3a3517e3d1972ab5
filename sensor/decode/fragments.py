"""Fragments: a fragmented datagram put together for the dissector that wants it. Bounded; a datagram with overlaps is dropped whole (RFC 5722, 4)."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.packet import Packet

PIECES_LIMIT = 64
WAIT_NS = 60 * 1_000_000_000  # for what is missing (RFC 8200, 4.5); identifications are used again (RFC 4963)
UDP, UDP_HEADER = 17, 8

Key = tuple[int, int, int, int]


class _Datagram:
    """The pieces so far, by offset in the datagram's payload; ``size`` is known once the last one came. The first piece's packet stands for the whole.
    ``since``: when it began.
    """

    __slots__ = ("first", "pieces", "since", "size")

    def __init__(self, since: int) -> None:
        self.since = since
        self.first: Packet | None = None
        self.pieces: dict[int, bytes] = {}
        self.size: int | None = None

    def add(self, packet: Packet) -> None:
        """Offsets count from the IP payload, the pieces of ours from the end of the UDP header, which only the first fragment has."""
        at = packet.fragment_at
        if at == 0:
            self.first = packet
        elif packet.proto == UDP:
            at -= UDP_HEADER
        self.pieces[at] = packet.payload
        if not packet.tcp_flags:
            self.size = at + len(packet.payload)

    def payload(self) -> bytes | None:
        """The bytes when all are there; None while some are missing. ValueError where pieces overlap."""
        whole = bytearray()
        for at, piece in sorted(self.pieces.items()):
            if at > len(whole):
                return None
            if at < len(whole):
                raise ValueError("overlapping fragments")
            whole += piece
        return bytes(whole) if len(whole) == self.size else None


class Fragments:
    """The datagrams in the making, at most ``size`` of them; ``dropped`` counts those given up for overlaps or too many pieces."""

    def __init__(self, size: int) -> None:
        self._open: Bounded[Key, _Datagram] = Bounded(size)
        self.dropped = 0

    def add(self, packet: Packet) -> Packet | None:
        """The whole datagram's packet once its last missing piece is here."""
        key = packet.src, packet.dst, packet.seq, packet.proto
        datagram = self._open.get(key)
        if datagram is None or abs(packet.ts - datagram.since) > WAIT_NS:
            self._open.put(key, datagram := _Datagram(packet.ts))
        datagram.add(packet)
        try:
            whole = datagram.payload()
        except ValueError:
            whole = None
            datagram.pieces.clear()
            datagram.size = -1
            self.dropped += 1
        if len(datagram.pieces) > PIECES_LIMIT:
            self._open.pop(key)
            self.dropped += 1
        if whole is None or datagram.first is None:
            return None
        self._open.pop(key)
        return datagram.first.with_payload(whole)
