"""The byte streams of captures: a file, a file that is still being written, or a pipe. None of them is waited for
longer than ``WAIT_MS``.

All have ``readinto``: it writes bytes at the start of a memory view and returns how many; 0 is the end, None means that
no data is available now.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
from pathlib import Path
from typing import Protocol

WAIT_MS = 100
"""Longest wait for data of a pipe."""

PIPE_SIZE = 1 << 20
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 0)


class Broken(Exception):
    """A stream cannot be read further: ``found`` is the reason; ``kind`` is one of those of
    ``sensor.capture.source.Damage``.
    """

    def __init__(self, found: str, kind: str) -> None:
        super().__init__(found)
        self.found, self.kind = found, kind


class Stream(Protocol):
    """``taken``: bytes read from the file so far; ``size``: bytes of the file, 0 if unknown."""

    @property
    def taken(self) -> int: ...
    @property
    def size(self) -> int: ...

    def readinto(self, view: memoryview) -> int | None:
        """Raises Broken if reading fails."""
        ...

    def close(self) -> None: ...


class FileStream:
    """A file on disk. If it is followed, its end is only temporary."""

    def __init__(self, descriptor: int, *, follow: bool = False) -> None:
        self._descriptor, self._follow = descriptor, follow
        facts = os.fstat(descriptor)
        self.taken, self.size, self.inode = 0, facts.st_size, (facts.st_dev, facts.st_ino)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def readinto(self, view: memoryview) -> int | None:
        try:
            got = os.readv(self._descriptor, [view])
        except OSError as error:
            raise Broken(f"cannot be read further: {error.strerror}", "read") from None
        self.taken += got
        return None if not got and self._follow else got

    def close(self) -> None:
        os.close(self._descriptor)


class PipeStream:
    """A pipe, a character device or standard input. Returns the available bytes, so that a busy pipe gives large
    batches and a slow one prompt ones.
    """

    def __init__(self, descriptor: int, *, ours: bool) -> None:
        self._descriptor, self._ours = descriptor, ours
        self.taken = self.size = 0
        self._ended = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        if _SET_PIPE_SIZE:
            with contextlib.suppress(OSError):  # no pipe, or not permitted: keep its current size
                fcntl.fcntl(descriptor, _SET_PIPE_SIZE, PIPE_SIZE)

    def readinto(self, view: memoryview) -> int | None:
        filled = 0
        while filled < len(view) and not self._ended and self._poll.poll(0 if filled else WAIT_MS):
            try:
                got = os.readv(self._descriptor, [view[filled:]])
            except BlockingIOError:
                break
            except OSError as error:
                raise Broken(f"cannot be read further: {error.strerror}", "read") from None
            self._ended = not got
            filled += got
        self.taken += filled
        return filled if filled or self._ended else None

    def close(self) -> None:
        if self._ours:
            os.close(self._descriptor)


def open_stream(path: str, *, follow: bool = False) -> FileStream | PipeStream:
    """Open a path; ``-`` is standard input. Raises OSError if it cannot be opened, with the reason in ``strerror``."""
    if path == "-":
        if os.isatty(0):
            raise OSError(0, "a terminal")
        return PipeStream(0, ours=False)
    # A named pipe without a writer must not block.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        os.close(descriptor)
        raise OSError(0, "a folder without files")
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return PipeStream(descriptor, ours=True)
    return FileStream(descriptor, follow=follow)


def waits(path: str) -> bool:
    """Whether the path cannot be examined before it is read: a pipe or a character device."""
    if path == "-":
        return True
    file = Path(path)
    return file.is_fifo() or file.is_char_device()
