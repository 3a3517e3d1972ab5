"""Places in a log: its end, the lines after a number, those since a time. Found by names and by halving: a large log is
not read for it.
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

# Ends the halving; so much is read through quickly.
NEAR = 1 << 18
# Two lines of the greatest length are in it, and the end of one before.
LOOK = 1 << 18
_TIME = re.compile(rb'\{\s*"ts"\s*:\s*"([^"\\]{4,40})"')


class Place(NamedTuple):
    """A byte of a segment at which a line begins. ``line``: so many are before it, as far as is known. Of a compressed
    one it is always the first.
    """

    segment: Segment
    at: int = 0
    line: int = 0


def place_after(segment: Segment, after: int) -> Place:
    """A place that is not behind the first line of a segment with a greater number, but near it.

    The beginning if it cannot be determined: of a compressed segment, or if numbers are not consecutive.
    """
    begin = max(segment.first, 1)
    if segment.compressed or after < begin:
        return Place(segment)
    with segment.path.open("rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            return Place(segment)
        low, high, line = 0, state.st_size, 0
        while high - low > NEAR:
            middle = (low + high) // 2
            at, number = _line_behind(file.fileno(), middle)
            if number is None or number > after or at >= high:
                high = middle
            else:
                low, line = at, number - begin
    return Place(segment, low, line)


def place_since(log: Path, since: str) -> Place | None:
    """Where to begin for records since a time (RFC 3339, UTC): the last segment that begins before it, for records come
    nearly in the order of their times.

    None where there is no log.
    """
    there = parts(log)
    for segment in reversed(there):
        first = _first_time(segment)
        if first is not None and first < since.encode():
            return Place(segment)
    return Place(there[0]) if there else None


def time_in(line: bytes) -> bytes | None:
    """The time of a record in a line, without decoding it; None where it does not stand in front."""
    found = _TIME.match(line)
    return found[1] if found else None


def _first_time(segment: Segment) -> bytes | None:
    """The time of the first line of a segment that has one; None where it is empty, removed, or a pipe, which may be
    read once only.
    """
    if not segment.path.is_file():
        return None
    lines = open_lines(segment, lambda _: None)
    with lines.file:
        return next((found for line in lines.more() if (found := time_in(line))), None)


def _line_behind(file: int, place: int) -> tuple[int, int | None]:
    """The first line that begins behind a place and has a number the next one confirms, for a damaged number must not
    lead astray.
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
