"""Reassembly: TCP segments of one followed flow, in order, to one stream dissector. Bounded, each and all together, and never waiting: what does not come is a
gap.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Interest, Said, Stream
from sensor.core.packet import Packet

HELD_SEGMENTS = 16
HELD_BYTES = 64 * 1024
REPEATED_BYTES = 1 << 26  # nothing is sent again from further behind: the numbers began anew, or over 2 GiB were passed over
SYN = 0x02
_ROUND = 1 << 32


def _ahead(seq: int, reference: int) -> int:
    """How far ``seq`` lies ahead of ``reference`` on the circle of sequence numbers (RFC 9293, 3.4); negative: behind."""
    distance = (seq - reference) % _ROUND
    return distance - _ROUND if distance >= _ROUND // 2 else distance


class Room:
    """Bytes of segments that came early in all flows together, ``held`` of at most ``most``. Beyond that nobody waits for what is missing."""

    __slots__ = ("held", "most")

    def __init__(self, most: int) -> None:
        self.held, self.most = 0, most


class _Direction:
    """What one end sent: the next number we wait for, and segments that came early, in order."""

    __slots__ = ("held", "held_bytes", "next", "room")

    def __init__(self, room: Room) -> None:
        self.next: int | None = None
        self.held: list[tuple[int, Packet]] = []
        self.held_bytes, self.room = 0, room

    def hold(self, seq: int, packet: Packet) -> None:
        at = len(self.held)
        while at and _ahead(self.held[at - 1][0], seq) > 0:
            at -= 1
        self.held.insert(at, (seq, packet))
        self._count(len(packet.payload))

    @property
    def full(self) -> bool:
        return len(self.held) > HELD_SEGMENTS or self.held_bytes > HELD_BYTES or self.room.held > self.room.most

    def release(self) -> tuple[int, Packet]:
        seq, packet = self.held.pop(0)
        self._count(-len(packet.payload))
        return seq, packet

    def drop(self) -> None:
        """Nobody waits any more."""
        self.held.clear()
        self._count(-self.held_bytes)

    def _count(self, size: int) -> None:
        self.held_bytes += size
        self.room.held += size


class Assembler:
    """One stream dissector's view of one flow."""

    __slots__ = ("_directions", "_interest", "stream")

    def __init__(self, stream: Stream, interest: Interest, room: Room) -> None:
        """``room`` is shared with all others."""
        self.stream, self._interest = stream, interest
        self._directions = (_Direction(room), _Direction(room))

    def feed(self, packet: Packet) -> Iterator[Said]:
        """One segment of the flow. Repeated bytes are dropped, early segments held; a hole is told when too much waits behind it, or a new message begins."""
        if not packet.payload:
            return
        way, from_client = self._directions[packet.direction], packet.direction == 0
        seq = (packet.seq + 1) % _ROUND if packet.tcp_flags & SYN else packet.seq  # a SYN takes a number of its own; data may come with it (RFC 7413)
        if way.next is None:
            way.next = seq
        ahead = _ahead(seq, way.next)
        if ahead > 0:
            way.hold(seq, packet)
            if self._interest.opening and self._interest.begins(packet.payload):
                while way.held:
                    yield from self._skip(way, from_client)
            elif way.full:
                yield from self._skip(way, from_client)
            return
        if ahead < -REPEATED_BYTES:
            way.drop()
            yield from self.stream.gap(packet, ahead % _ROUND, from_client)
            way.next = seq
        yield from self._deliver(way, seq, packet)
        yield from self._drain(way)

    def finish(self) -> Iterator[Said]:
        """The flow ended: what was held is delivered with its gaps, then the stream is told."""
        for way, from_client in zip(self._directions, (True, False), strict=True):
            while way.held:
                yield from self._skip(way, from_client)
        yield from self.stream.finish()

    def drop(self) -> None:
        """The flow is given up: what was held is let go, unheard."""
        for way in self._directions:
            way.drop()

    def _deliver(self, way: _Direction, seq: int, packet: Packet) -> Iterator[Said]:
        known = -_ahead(seq, way.next or 0)
        data = packet.payload[known:] if known else packet.payload
        if data and not self.stream.done:
            way.next = (seq + known + len(data)) % _ROUND
            yield from self.stream.feed(packet, data, packet.direction == 0)

    def _drain(self, way: _Direction) -> Iterator[Said]:
        while way.held and _ahead(way.held[0][0], way.next or 0) <= 0:
            yield from self._deliver(way, *way.release())

    def _skip(self, way: _Direction, from_client: bool) -> Iterator[Said]:
        """Give up on the bytes before the first held segment."""
        seq, packet = way.held[0]
        missing = _ahead(seq, way.next or 0)
        way.next = seq
        yield from self.stream.gap(packet, missing, from_client)
        yield from self._drain(way)
