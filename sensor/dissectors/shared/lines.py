"""Line-based protocols over TCP (NVT text, RFC 854): lines of each direction, split at any byte, bounded, with gaps."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Parsed, Stream
from sensor.core.packet import Packet

LINE_LIMIT = 1024
# Service ready, of FTP (RFC 959, 4.2) and SMTP (RFC 5321, 4.2.3).
SERVICE_READY = (b"220 ", b"220-")


class _Direction:
    """One direction: an incomplete line, and whether to wait for the next line end."""

    __slots__ = ("kept", "lost")

    def __init__(self) -> None:
        self.kept, self.lost = b"", False


class LineStream(Stream):
    """A line-based connection; a protocol implements ``line``. Lines are truncated to 1024 bytes."""

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        """Parse a line, without its line end."""
        raise NotImplementedError

    def lost(self, from_client: bool) -> None:
        """Bytes of this direction are missing, possibly whole lines."""

    def is_whole(self, line: bytes, from_client: bool) -> bool:
        """Whether the first line after a gap is complete; otherwise it is discarded."""
        return False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole, direction.kept = (direction.kept + line)[:LINE_LIMIT], b""
            whole = whole.removesuffix(b"\r")
            partial, direction.lost = direction.lost and not self.is_whole(whole, from_client), False
            if not partial and not self.done:
                yield from self.line(packet, whole, from_client)
        if not direction.lost:
            direction.kept = (direction.kept + rest)[:LINE_LIMIT]

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Discard the partial line; parsing resumes after the next line end, or with a complete line."""
        direction = self._client if from_client else self._server
        direction.kept, direction.lost = b"", True
        self.lost(from_client)
        return iter(())
