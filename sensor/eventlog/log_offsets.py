"""Positions in a log: its end, the lines after a number, those since a time. Found by file names and binary search,
without reading a large log.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.log_lines import parts
from sensor.eventlog.segment_lines import open_lines
from sensor.eventlog.segments import Segment, number_of

# Binary search ends at this many bytes, which are read quickly.
NEAR = 1 << 18
# Fits two lines of maximum length and the end of one before.
LOOK = 1 << 18
_TIME = re.compile(rb'\{\s*"ts"\s*:\s*"([^"\\]{4,40})"')


class LineOffset(NamedTuple):
    """An offset in a segment at which a line begins. ``line``: number of lines before it, as far as known. A compressed
    segment has only two: 0 and the size of its file.
    """

    segment: Segment
    at: int = 0
    line: int = 0


def place_after(segment: Segment, after: int) -> LineOffset:
    """A position near, but not after, the first line of a segment with a greater number.

    The beginning if it cannot be determined: in a compressed segment, or if numbers are not consecutive.
    """
    begin = max(segment.first, 1)
    if segment.compressed or after < begin:
        return LineOffset(segment)
    with segment.path.open("rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            return LineOffset(segment)
        low, high, line = 0, state.st_size, 0
        while high - low > NEAR:
            middle = (low + high) // 2
            at, number = _line_behind(file.fileno(), middle)
            if number is None or number > after or at >= high:
                high = middle
            else:
                low, line = at, number - begin
    return LineOffset(segment, low, line)


def place_since(log: Path, since: str) -> LineOffset | None:
    """The position to read records since a time (RFC 3339, UTC): the last segment that begins before it, because
    records are nearly in order of time.

    None if there is no log.
    """
    there = parts(log)
    for segment in reversed(there):
        first = _first_time(segment)
        if first is not None and first < since.encode():
            return LineOffset(segment)
    return LineOffset(there[0]) if there else None


def time_in(line: bytes) -> bytes | None:
    """The time of a record in a line, without decoding it; None if it is not the first field."""
    found = _TIME.match(line)
    return found[1] if found else None


def _first_time(segment: Segment) -> bytes | None:
    """The time of the first line of a segment that has one; None if it is empty, removed, or a pipe, which can be read
    only once.
    """
    if not segment.path.is_file():
        return None
    lines = open_lines(segment, lambda _: None)
    with lines.file:
        return next((found for line in lines.more() if (found := time_in(line))), None)


def _line_behind(file: int, place: int) -> tuple[int, int | None]:
    """The first line that begins after an offset and has a number that the next line confirms, so that a damaged number
    does not mislead the search.
    """
    data = os.pread(file, LOOK, place)
    start = data.find(b"\n") + 1
    last: int | None = None
    before = start
    while start and (end := data.find(b"\n", start)) >= 0:
        number = number_of(data[start:end])
        if last is not None and number == last + 1:
            return place + before, last
        last, before, start = number, start, end + 1
    return place, None
