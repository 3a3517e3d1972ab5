"""The time range of an event log, from its first and last records, and whether it has a finding."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.core.record_parts import time_text
from sensor.eventlog.log_end import backwards, end_of
from sensor.eventlog.log_lines import LogLines, parts

# Number of invalid lines after which a file is not considered an event log: a damaged log has some, another file has
# only those.
LINES_TRIED = 1000


class Span(NamedTuple):
    """RFC 3339 times in UTC; empty if unknown."""

    first: str
    last: str


# The times of all records of a replay without packets.
WITHOUT_PACKETS = Span(time_text(0), time_text(0))


class _Stamped(msgspec.Struct):
    ts: str
    kind: str


def span_of_log(log: Path) -> Span | None:
    """The time range of a log; None if it has no records, or is a pipe, which can be read only once. Raises OSError if
    it cannot be read.
    """
    there = parts(log)
    end = end_of(log) if there and there[-1].path.is_file() else None
    if end is None:
        return None
    first = _first(_lines(log))
    found = Span(first, _first(backwards(log, end)) or first) if first else None
    return found if found != WITHOUT_PACKETS else Span("", "")


def has_findings(log: Path) -> bool:
    """Whether a log has records other than those about the sensor itself; assumed for a long log. Raises OSError if it
    cannot be read.
    """
    kinds = [_kind(line) for line in itertools.islice(_lines(log), LINES_TRIED)]
    return len(kinds) == LINES_TRIED or any(kind not in ("", "sensor") for kind in kinds)


def _kind(line: bytes) -> str:
    """The kind of a record; empty for a line that is not a record."""
    try:
        return msgspec.json.decode(line, type=_Stamped).kind
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _lines(log: Path) -> Iterator[bytes]:
    source = LogLines(log)
    try:
        while lines := source.more() or source.rest():
            yield from lines
    finally:
        source.close()


def _first(lines: Iterable[bytes]) -> str:
    """The time of the first line that is a record; empty if there is none."""
    for line in itertools.islice(lines, LINES_TRIED):
        try:
            return msgspec.json.decode(line, type=_Stamped).ts
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return ""
