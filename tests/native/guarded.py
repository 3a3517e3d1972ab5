"""Memory between two unreadable pages: a read before or after a message ends the process at once (SIGSEGV)."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
ROOM = 65_536  # bytes of the longest message
PROT_NONE = 0


class Guarded:
    """``data`` is the block to read from; ``first`` and ``last``: the begin and end of what may be read."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(-1, ROOM + 2 * PAGE)
        self.first, self.last = PAGE, PAGE + ROOM
        self.data = np.frombuffer(self._pages, np.uint8)
        self._address = self.data.ctypes.data
        libc = ctypes.CDLL(None, use_errno=True)
        for at in (0, self.last):
            if libc.mprotect(ctypes.c_void_p(self._address + at), ctypes.c_size_t(PAGE), PROT_NONE):
                raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, payload: bytes, at_end: bool) -> int:
        """Put a message next to one of the two pages; returns its offset in ``data``."""
        at = self.last - len(payload) if at_end else self.first
        self._pages[at : at + len(payload)] = payload
        return at
