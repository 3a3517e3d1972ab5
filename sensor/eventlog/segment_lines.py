"""The complete lines of one segment, as far as they exist.

A plain file is read from the end of its last complete line each time, so that data which a writer truncates and
rewrites is never taken for the rest of a line. A compressed segment is read frame by frame: a damaged frame loses what
cannot be decompressed, and reading continues with the next.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO

import zstandard

from sensor.eventlog.segments import Segment

CHUNK = 1 << 18
# A longer line is no record (limit 64 KiB), and is not kept in memory.
LINE_LIMIT = 1 << 20
# Bytes of a compressed file read at once: data decompressed before damage in the same piece is lost with it.
PIECE = 1 << 13
WINDOW_LIMIT = 1 << 27
MAGIC = zstandard.FRAME_HEADER
TOO_LONG = "a line that exceeds the maximum length of a record"
UNPACKABLE = "a part that cannot be decompressed"
CUT = "the end is missing"

Report = Callable[[str], None]


class FileLines:
    """The lines of a regular file. ``at``: where the next line begins; ``rest``: an unterminated line at the end."""

    def __init__(self, segment: Segment, file: FileIO, report: Report, at: int = 0) -> None:
        self.segment, self.file, self.at, self.rest = segment, file, at, b""
        self._report = report
        self._size = CHUNK
        self._endless = False

    def more(self) -> list[bytes]:
        """The next lines without line ends; empty if there are none currently."""
        while data := os.pread(self.file.fileno(), self._size, self.at):
            end = data.rfind(b"\n") + 1
            if end:
                self.at, self.rest, self._size = self.at + end, b"", CHUNK
                lines = data[: end - 1].split(b"\n")
                skipped, self._endless = self._endless, False
                if len(lines) > skipped:
                    return lines[skipped:]
            elif len(data) < self._size:
                self.rest = b"" if self._endless else data
                return []
            elif self._endless or len(data) > LINE_LIMIT:
                self._pass(len(data))
            else:
                self._size *= 4
        self.rest = b""
        return []

    def cut(self) -> bool:
        """Whether the file is now shorter than what was read of it. It is then read from its beginning."""
        if os.fstat(self.file.fileno()).st_size >= self.at:
            return False
        self.at, self.rest, self._size, self._endless = 0, b"", CHUNK, False
        return True

    def take_rest(self) -> bytes:
        """The last, unterminated line. It is not returned again."""
        rest, self.rest, self.at = self.rest, b"", self.at + len(self.rest)
        return rest

    def _pass(self, size: int) -> None:
        if not self._endless:
            self._report(TOO_LONG)
        self._endless, self.at, self._size = True, self.at + size, CHUNK


class StreamLines:
    """The lines of a stream that can only be read forward: a compressed segment, or a pipe."""

    def __init__(self, segment: Segment, file: FileIO, report: Report, pieces: Iterator[bytes]) -> None:
        self.segment, self.file, self.rest = segment, file, b""
        self._report, self._pieces = report, pieces
        self._endless = False

    def more(self) -> list[bytes]:
        """The next lines without line ends; empty if there are none currently."""
        for piece in self._pieces:
            if not piece:  # what follows does not belong to the line before
                self.rest, self._endless = b"", False
                continue
            *lines, self.rest = (self.rest + piece).split(b"\n")
            skipped = self._endless and bool(lines)
            self._endless = self._endless and not lines
            if len(self.rest) > LINE_LIMIT:
                if not self._endless:
                    self._report(TOO_LONG)
                self.rest, self._endless = b"", True
            if len(lines) > skipped:
                return lines[skipped:]
        return []

    def take_rest(self) -> bytes:
        """The last, unterminated line. It is not returned again."""
        rest, self.rest = self.rest, b""
        return rest

    def cut(self) -> bool:
        """Always False: a stream that cannot seek is never restarted."""
        return False


Lines = FileLines | StreamLines


def open_lines(segment: Segment, report: Report, at: int = 0) -> Lines:
    """The lines of a segment, starting at an offset where a line begins. ``report`` is called for damage. Raises
    OSError if it cannot be opened.
    """
    file = segment.path.open("rb", buffering=0)
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return StreamLines(segment, file, report, iter(lambda: file.read(CHUNK), b""))
        if segment.compressed:
            return StreamLines(segment, file, report, _unpacked(file, report))
    except BaseException:
        file.close()
        raise
    return FileLines(segment, file, report, at)


def _unpacked(file: FileIO, report: Report) -> Iterator[bytes]:
    """The decompressed bytes of a file; an empty piece marks missing data."""
    start: int | None = 0
    while start is not None:
        file.seek(start)
        frame = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).decompressobj()
        try:
            while not frame.eof and (packed := file.read(PIECE)):
                if piece := frame.decompress(packed):
                    yield piece
        except zstandard.ZstdError:
            report(UNPACKABLE)
            yield b""
            start = _next_frame(file, start + 1)
            continue
        if not frame.eof:
            if file.tell() > start:
                report(CUT)
                yield b""
            return
        start = file.tell() - len(frame.unused_data)


def _next_frame(file: FileIO, start: int) -> int | None:
    """The apparent start of the next frame; None if there is none."""
    file.seek(start)
    before = b""
    while chunk := file.read(CHUNK):
        place = (before + chunk).find(MAGIC)
        if place >= 0:
            return start - len(before) + place
        start += len(chunk)
        before = (before + chunk)[-len(MAGIC) + 1 :]
    return None
