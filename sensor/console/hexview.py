"""A hex dump of a frame in rows of sixteen bytes, with highlighted ranges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Span = tuple[int, int]


class ByteRun(NamedTuple):
    """Consecutive bytes with the same highlighting, as hex and as text."""

    hex: str
    text: str
    marked: bool


def rows(data: bytes, spans: Sequence[Span] = ()) -> Iterator[tuple[str, list[ByteRun]]]:
    """Offset and bytes of each row. ``spans``: first byte, and byte after the last, of each highlighted range."""
    marked = {place for begin, end in spans for place in range(begin, end)}
    for at in range(0, len(data), 16):
        places = range(at, min(at + 16, len(data)))
        yield (
            f"{at:04x}",
            [_run(data, list(some), is_marked) for is_marked, some in itertools.groupby(places, marked.__contains__)],
        )


def _run(data: bytes, places: list[int], marked: bool) -> ByteRun:
    some = data[places[0] : places[-1] + 1]
    return ByteRun(some.hex(" "), "".join(chr(one) if 32 <= one < 127 else "." for one in some), marked)
