"""The lines of one direction, limited in length."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 4096


class Lines:
    """Splits bytes into lines. Of an incomplete line, the last 4,096 bytes are kept."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def take(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete, without line ends."""
        *lines, rest = (self._kept + data).split(b"\n")
        self._kept = rest[-MOST:]
        for line in lines:
            yield line.rstrip(b"\r")

    def rest(self) -> bytes:
        """Remove and return the bytes after the last line."""
        kept, self._kept = self._kept, b""
        return kept
