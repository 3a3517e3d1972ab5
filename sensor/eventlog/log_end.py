"""The last lines of a log, read from its end, so that reading a few lines of a large log is fast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sensor.eventlog.log_lines import parts
from sensor.eventlog.log_offsets import LineOffset
from sensor.eventlog.segment_lines import CHUNK, LINE_LIMIT, open_lines
from sensor.eventlog.segments import Segment


def end_of(log: Path) -> LineOffset | None:
    """The position after the last complete line of a log; None if there is none. For a compressed segment, which cannot
    be seeked, the size of its file.
    """
    there = parts(log)
    if not there:
        return None
    with there[-1].path.open("rb") as file:
        at = size = file.seek(0, os.SEEK_END)
        if there[-1].compressed:
            return LineOffset(there[-1], size)
        while at > 0:
            start = max(0, at - CHUNK)
            found = os.pread(file.fileno(), at - start, start).rfind(b"\n")
            if found >= 0:
                return LineOffset(there[-1], start + found + 1)
            at = start
    return LineOffset(there[-1])


def backwards(log: Path, end: LineOffset) -> Iterator[bytes]:
    """The lines before a position, the last first, over all earlier segments. Segments removed meanwhile are
    skipped.
    """
    yield from _backwards_in(end.segment, end.at)
    for segment in reversed([one for one in parts(log) if one.first < end.segment.first]):
        yield from _backwards_in(segment, None)


def _backwards_in(segment: Segment, end: int | None) -> Iterator[bytes]:
    """The lines of a segment from its end. A compressed one is decompressed completely: it can only be read forward."""
    try:
        file = segment.path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if segment.compressed:
            yield from _backwards_unpacked(segment)
        else:
            yield from _backwards_plain(file, os.fstat(file.fileno()).st_size if end is None else end)


def _backwards_plain(file: BinaryIO, end: int) -> Iterator[bytes]:
    rest = b""
    while end > 0:
        start = max(0, end - CHUNK)
        rest, *lines = (os.pread(file.fileno(), end - start, start) + rest).split(b"\n")
        yield from reversed(lines)
        end = start
        if len(rest) > LINE_LIMIT:
            rest = b""  # no record is that long
    yield rest


def _backwards_unpacked(segment: Segment) -> Iterator[bytes]:
    lines = open_lines(segment, lambda _: None)
    with lines.file:
        found: list[bytes] = []
        while more := lines.more():
            found += more
    yield from reversed(found)
