"""Where in a segment the lines after a number begin, found by halving: a large segment is not read from its beginning."""

from __future__ import annotations

import os
import stat

from sensor.eventlog.segments import Segment, number_of

# Ends the halving; so much is read through quickly.
NEAR = 1 << 18
# Two lines of the greatest length are in it, and the end of one before.
LOOK = 1 << 18


def place_after(segment: Segment, after: int) -> tuple[int, int]:
    """A byte at which a line begins that is not behind the first one with a greater number, but near it; and how many lines are before it, if none is damaged.

    The beginning where it cannot be told: of a compressed segment, or where numbers do not follow each other.
    """
    begin = max(segment.first, 1)
    if segment.compressed or after < begin:
        return 0, 0
    with segment.path.open("rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            return 0, 0
        low, high, line = 0, state.st_size, 0
        while high - low > NEAR:
            middle = (low + high) // 2
            at, number = _line_behind(file.fileno(), middle)
            if number is None or number > after or at >= high:
                high = middle
            else:
                low, line = at, number - begin
    return low, line


def _line_behind(file: int, place: int) -> tuple[int, int | None]:
    """The first line that begins behind a place and has a number the next one confirms, for a damaged number must not lead astray."""
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
