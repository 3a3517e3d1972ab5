"""Remote procedure calls in encrypted SMB 3, by the sizes of messages, which their headers state ([MS-SMB2] 2.2.41).

Libraries of tools send a call as a write to a named pipe and read its result: a bind with one transfer syntax, a call
that opens a handle ([MS-RPCE]; a result of 20 bytes and a status), and calls on it. Windows sends both as one request
and binds with two or three syntaxes, so that its messages have other sizes.
"""

from __future__ import annotations

# Sizes: header 64, write 48, result of a write 16, read 49, result of a read 16 ([MS-SMB2] 2.2.21, 2.2.22, 2.2.19,
# 2.2.20); bind 72, its answer 68, answer with a handle and a status 48 ([MS-RPCE] 2.2.2).
WRITE, WRITTEN, READ, RESULT = 64 + 48, 64 + 16, 64 + 49, 64 + 16
BIND, BOUND, OPENED = 72, 68, 48
PENDING = 64 + 9  # an interim answer
LARGEST = 4096


class SealedCalls:
    """The last steps of one connection."""

    __slots__ = ("_bound", "_handle", "_requested")

    def __init__(self) -> None:
        self._bound = self._handle = False
        self._requested = 0

    def read(self, size: int, from_client: bool) -> int:
        """The size of a call on a handle that was opened before, 0 for any other message."""
        if from_client:
            return self._sent(size)
        if size not in (WRITTEN, PENDING):
            answer, self._requested, requested = size - RESULT, 0, self._requested
            if requested == BIND and answer == BOUND:
                self._bound, self._handle = True, False
            elif requested and self._bound and answer == OPENED:
                self._handle = True
        return 0

    def _sent(self, size: int) -> int:
        if size == READ:
            return 0
        self._requested = size - WRITE if WRITE < size <= WRITE + LARGEST else 0
        return self._requested if self._handle else 0
