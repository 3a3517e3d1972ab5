"""Split one direction of a TCP conversation into length-prefixed messages of which only the beginning is needed, even
if the rest was truncated or lost: SMB and DCE/RPC, whose messages carry files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Cut:
    """``size`` (data, at): bytes of the message that begins there, 0 while too little of it is there, -1 where none
    begins; ``keep``: bytes of a message that are given. Holds at most one message's beginning, and how much of a
    message is to be skipped. ``lost``: where the next message begins is not known.
    """

    __slots__ = ("_keep", "_kept", "_size", "_skip", "lost")

    def __init__(self, size: Callable[[bytes, int], int], keep: int) -> None:
        self._size, self._keep = size, keep
        self._kept, self._skip, self.lost = b"", 0, False

    def messages(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """(message, whether its end is left out) of all that these bytes complete."""
        at = min(self._skip, len(data))
        self._skip -= at
        if self._kept:
            data, at = self._kept + data[at:], 0
        self._kept = b""
        while at < len(data):
            size = self._size(data, at)
            if size < 0:
                self.lost = True
                return
            wanted = min(size, self._keep)
            if not size or len(data) - at < wanted:
                self._kept = data[at:]
                return
            yield data[at : at + wanted], size > wanted
            self._skip = max(at + size - len(data), 0)
            at += size

    def gap(self, missing: int) -> bytes:
        """Bytes are missing: the beginning that was there, where a message was half read. Its end may lie inside the
        gap or behind it.
        """
        kept, self._kept = self._kept, b""
        left = max(self._size(kept, 0) - len(kept), 0) if kept else self._skip
        self.lost = self.lost or missing > left
        self._skip = max(left - missing, 0)
        return kept
