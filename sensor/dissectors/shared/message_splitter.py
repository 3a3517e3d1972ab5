"""Splits one direction of a TCP connection into length-prefixed messages of which only the beginning is needed, even if
the rest was truncated or lost, such as those of DCE/RPC. SMB has a kernel for it, ``_smb_messages.pyx``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator


class MessageSplitter:
    """``size`` (data, at): size of the message that begins there, 0 if more bytes are needed, -1 if none begins;
    ``keep``: bytes of a message that are passed on. Stores the beginning of at most one message, and how much of a
    message to skip. ``lost``: the next message boundary is unknown.
    """

    __slots__ = ("_keep", "_kept", "_size", "_skip", "lost")

    def __init__(self, size: Callable[[bytes, int], int], keep: int) -> None:
        self._size, self._keep = size, keep
        self._kept, self._skip, self.lost = b"", 0, False

    def messages(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """(message, whether its end is left out) of all messages that these bytes complete."""
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
        """Handle missing bytes: returns the stored beginning of a partial message. Its end may be inside the gap or
        after it.
        """
        kept, self._kept = self._kept, b""
        left = max(self._size(kept, 0) - len(kept), 0) if kept else self._skip
        self.lost = self.lost or missing > left
        self._skip = max(left - missing, 0)
        return kept
