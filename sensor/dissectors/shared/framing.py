"""Framing of length-prefixed protocols over TCP: each direction separately, split at any byte; gaps and long messages
are bounded.

A message longer than ``keep`` is parsed from its first ``keep`` bytes; the rest is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed

KEEP = 4096


class _Direction:
    """One direction: the bytes of an incomplete message, the number of bytes to skip, and whether message boundaries
    are unknown.
    """

    __slots__ = ("kept", "lost", "skip")

    def __init__(self) -> None:
        self.kept, self.skip, self.lost = b"", 0, False


class FramedStream(Stream):
    """A connection with length-prefixed messages; a protocol implements ``size`` and ``message``. ``head``: the bytes
    of a message that ``size`` needs.

    After a gap inside a message, the next message is parsed. After a longer gap, and if the first segment is a
    response, parsing resumes at a segment that consists of whole messages; never if ``resumes`` is False, because the
    framing is too weak to detect a boundary. If ``exclusive`` is False, other protocols use the port too: a connection
    whose first bytes are no message is left alone, not malformed.
    """

    head = 1
    keep = KEEP
    resumes = exclusive = True

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()
        self._started = self._framed = False

    def size(self, data: bytes, at: int) -> int:
        """Size in bytes of the message that begins at ``at``, where at least ``head`` bytes follow; 0 if more are
        needed. Raises Malformed if none begins.
        """
        raise NotImplementedError

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        """Parse a message, which may be truncated to ``keep`` bytes."""
        raise NotImplementedError

    def truncated(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        """Parse the available beginning of a truncated message; protocols that support it override this."""
        return iter(())

    def aligned(self, data: bytes) -> bool:
        """Whether a segment consists of whole messages, by their lengths according to ``size``."""
        at = 0
        try:
            while len(data) - at >= self.head and (size := self.size(data, at)):
                at += size
        except Malformed:
            return False
        return at == len(data)

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(()) if self.done else self._parsed(packet, data, from_client)

    def _parsed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        if not (self._started or from_client) and self.resumes:
            direction.lost = True  # a response to a request that was not captured, possibly from its middle
        self._started = True
        if direction.lost:
            if not self.resumes or not self.aligned(data):
                return
            direction.lost = False
        data, at, size = direction.kept + data, min(direction.skip, len(data)), 0
        direction.skip -= at
        while at < len(data):
            try:
                size = self.size(data, at) if len(data) - at >= self.head else 0
            except Malformed:
                self.done = not (self.exclusive or self._framed)
                if self.done:
                    return
                raise
            wanted = min(size, self.keep)
            if not size or len(data) - at < wanted:
                break
            self._framed = True
            yield from self.message(packet, data[at : at + wanted], from_client)
            if self.done:
                return
            direction.skip = max(at + size - len(data), 0)
            at += size
        direction.kept = data[at:]
        if packet.truncated and at < len(data) and size:  # its end is in the following gap
            direction.kept, direction.skip = b"", at + size - len(data)
            yield from self.truncated(packet, data[at:], from_client)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Discard the partial message; a gap inside it, or inside what is skipped, is part of it."""
        direction = self._client if from_client else self._server
        left = self._remaining(direction.kept) if direction.kept else direction.skip
        direction.lost = direction.lost or missing > left
        direction.kept, direction.skip = b"", max(left - missing, 0)
        return iter(())

    def _remaining(self, kept: bytes) -> int:
        """Size of the rest of a partial message; 0 if it is not known."""
        try:
            return max(self.size(kept, 0) - len(kept), 0) if len(kept) >= self.head else 0
        except Malformed:
            return 0
