"""Lines of one side of a conversation, bounded."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 4096


class Lines:
    """Of what is no line yet, the last 4,096 bytes are kept."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def take(self, data: bytes) -> Iterator[bytes]:
        """Lines that these bytes complete, without their ends."""
        *lines, rest = (self._kept + data).split(b"\n")
        self._kept = rest[-MOST:]
        for line in lines:
            yield line.rstrip(b"\r")

    def rest(self) -> bytes:
        """What follows the last line, taken away."""
        kept, self._kept = self._kept, b""
        return kept
