"""Remote procedure calls in encrypted SMB 3, by the sizes of messages, which their headers state ([MS-SMB2] 2.2.41).

Libraries of tools send a call as a write to a named pipe and read its result: a bind with one transfer syntax, a call
that opens a handle ([MS-RPCE]; a result of 20 bytes and a status), and calls on it. Windows sends both as one request
and binds with two or three syntaxes, so that its messages have other sizes.

The Task Scheduler has no handles: the first call registers a task, as an XML document in UTF-16, and returns its path
([MS-TSCH] 3.2.5.4.2). The first calls of other interfaces are shorter, and a password change, which is nearly as long,
returns a status only ([MS-SAMR] 3.1.5.10.3).
"""

from __future__ import annotations

from typing import NamedTuple

# Sizes: header 64, write 48, result of a write 16, read 49, result of a read 16 ([MS-SMB2] 2.2.21, 2.2.22, 2.2.19,
# 2.2.20); bind 72, its answer 68, answer with a handle and a status 48 ([MS-RPCE] 2.2.2).
WRITE, WRITTEN, READ, RESULT = 64 + 48, 64 + 16, 64 + 49, 64 + 16
BIND, BOUND, OPENED = 72, 68, 48
PENDING = 64 + 9  # an interim answer
LARGEST = 4280  # the usual largest fragment
# A document of 600 characters, and an answer with the path of a task.
DOCUMENT, PATH = 1400, range(48, 400)


class SealedCall(NamedTuple):
    """A call that was recognized: its size in bytes. ``document``: it is the first after a bind, as long as the
    document of a task, and was answered with a path; otherwise it is on a handle that was opened before.
    """

    size: int
    document: bool


class SealedCalls:
    """The last steps of one connection."""

    __slots__ = ("_bound", "_first", "_handle", "_requested")

    def __init__(self) -> None:
        self._bound = self._first = self._handle = False
        self._requested = 0

    def read(self, size: int, from_client: bool) -> SealedCall | None:
        """The call that a message completes, if it is recognized."""
        if from_client:
            return self._sent(size)
        return None if size in (WRITTEN, PENDING) else self._answered(size - RESULT)

    def _answered(self, answer: int) -> SealedCall | None:
        requested, self._requested = self._requested, 0
        if requested == BIND and answer == BOUND:
            self._bound, self._first, self._handle = True, True, False
            return None
        first, self._first = self._first, self._first and not requested
        if requested and self._bound and answer == OPENED:
            self._handle = True
        return SealedCall(requested, True) if first and requested >= DOCUMENT and answer in PATH else None

    def _sent(self, size: int) -> SealedCall | None:
        if size == READ:
            return None
        # A long call has several fragments, and is answered once.
        self._requested = self._requested + size - WRITE if WRITE < size <= WRITE + LARGEST else 0
        return SealedCall(self._requested, False) if self._handle and self._requested else None
