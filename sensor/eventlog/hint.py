"""Hint: a number stored beside the segments of a log, by which the next start detects whether the beginning or end of
the log is missing.

The next number is written after each commit, once the lines are on disk, so it is never ahead of them, and synced when
a segment begins and when the log is closed; the first retained number is written before a segment is removed. A
checksum detects a damaged file.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from pathlib import Path

from sensor.eventlog.disk import open_file
from sensor.eventlog.segments import folder_of

NEXT, BEGIN = "next", "begin"
_TEXT = re.compile(rb"(\d{20}) ([0-9a-f]{8})\n")


class Hint:
    """``number``: the stored one; 0 if there was none. ``damaged``: the file has invalid content."""

    def __init__(self, log: Path, name: str = NEXT) -> None:
        self._file = open_file(folder_of(log) / name)
        text = os.pread(self._file, 64, 0)
        match = _TEXT.fullmatch(text)
        good = match is not None and zlib.crc32(match[1]) == int(match[2], 16)
        self.number = int(match[1]) if match is not None and good else 0
        self.damaged = bool(text) and not good

    def put(self, number: int) -> None:
        """Store a number. Best effort: on a full disk the file stays unchanged, or becomes invalid and is ignored."""
        digits = b"%020d" % number
        with contextlib.suppress(OSError):
            os.pwrite(self._file, b"%s %08x\n" % (digits, zlib.crc32(digits)), 0)

    def sync(self) -> None:
        """Sync it to disk."""
        with contextlib.suppress(OSError):
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; the object cannot be used afterwards."""
        os.close(self._file)
