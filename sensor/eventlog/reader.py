"""The event log as it is read: records as plain objects, lazily, to the end or as they come.

Lines that are no records are skipped and counted: a log may come from anywhere, and one bad line must not hide the rest. A last line without its end
is still being written: who follows waits for it, who does not takes it when it is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

# Seconds between two looks at a log that had nothing new.
PAUSE_S = 0.1
CHUNK = 1 << 18
# A line longer than this is no record (those end at 64 KiB), and is not kept in memory.
LINE_LIMIT = 1 << 20


class Reader:
    """Reads one log. ``broken`` counts lines that are no records."""

    def __init__(self, path: Path, *, follow: bool = False, stop: Callable[[], bool] | None = None) -> None:
        """``follow``: go on at the end, as ``tail -F`` does: a log that is cut, replaced or not there yet is read from its beginning.

        ``stop`` is asked at each pause.
        """
        self.path, self.follow, self.stop = path, follow, stop
        self.broken = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records. OSError where the log cannot be opened, unless it is followed and not there yet."""
        return (record for _, record in self.pairs())

    def pairs(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Each line that is a record, as it stands there without its end, and as an object."""
        for line in self._lines():
            record = _record(line)
            if record is not None:
                yield line, record
            elif line.strip():
                self.broken += 1

    def _lines(self) -> Iterator[bytes]:
        file = self._open()
        while file is not None:
            with file:
                yield from self._lines_of(file)
            file = self._open() if self.follow and not self._stopped() else None

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop()

    def _open(self) -> BinaryIO | None:
        """The log; None where waiting for it was stopped."""
        while True:
            try:
                return self.path.open("rb")
            except FileNotFoundError:
                if not self.follow:
                    raise
            if self._stopped():
                return None
            time.sleep(PAUSE_S)

    def _lines_of(self, file: BinaryIO) -> Iterator[bytes]:
        """The lines of an open file, until it ends, another has its name, or we are stopped."""
        rest, endless, replaced = b"", False, False
        while True:
            chunk = file.read1(CHUNK) if hasattr(file, "read1") else file.read(CHUNK)
            if chunk:
                *lines, rest = (rest + chunk).split(b"\n")
                if endless and lines:
                    lines, endless = lines[1:], False
                yield from lines
                if len(rest) > LINE_LIMIT:
                    self.broken += not endless
                    rest, endless = b"", True
                continue
            if not self.follow or self._stopped() or replaced:
                break
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
                rest, endless = b"", False
            else:
                # What was written to the old file until now is read once more before it is left.
                replaced = self._replaced(file)
                if not replaced:
                    time.sleep(PAUSE_S)
        if rest and not endless and not self.follow:
            yield rest

    def _replaced(self, file: BinaryIO) -> bool:
        """Whether another file has the name now. A name that is gone may come back: nothing is done until it does."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        held = os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)


def read(path: Path, *, follow: bool = False, stop: Callable[[], bool] | None = None) -> Iterator[dict[str, Any]]:
    """The records of a log, lazily; see ``Reader``."""
    return iter(Reader(path, follow=follow, stop=stop))


def _record(line: bytes) -> dict[str, Any] | None:
    """The line as an object with a time and a kind; None where it is none."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("ts"), str) and isinstance(record.get("kind"), str) else None
