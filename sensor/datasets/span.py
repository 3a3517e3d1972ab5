"""What the first and the last records of an event log show: from when to when it reaches, and
whether it has a finding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.eventlog.log_end import backwards, end_of
from sensor.eventlog.log_lines import LogLines, parts

# Lines that are no record before a file counts as none of ours: one that is damaged has some, another file has nothing
# else.
LINES_TRIED = 1000


class Span(NamedTuple):
    """Times of RFC 3339 in UTC; empty when nothing is known."""

    first: str
    last: str


class _Stamped(msgspec.Struct):
    ts: str
    kind: str


def span_of_log(log: Path) -> Span | None:
    """None when no record is there, or the log is a pipe, which can be read only once. OSError when
    it cannot be read.
    """
    there = parts(log)
    end = end_of(log) if there and there[-1].path.is_file() else None
    if end is None:
        return None
    first = _first(_lines(log))
    return Span(first, _first(backwards(log, end)) or first) if first else None


def has_findings(log: Path) -> bool:
    """Whether a log has anything but what a sensor writes about itself; a long log has. OSError
    when it cannot be read.
    """
    kinds = [_kind(line) for line in itertools.islice(_lines(log), LINES_TRIED)]
    return len(kinds) == LINES_TRIED or any(kind not in ("", "sensor") for kind in kinds)


def _kind(line: bytes) -> str:
    """Of a record; empty for a line that is none."""
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
    """The time of the first line that is a record; empty when none of them is."""
    for line in itertools.islice(lines, LINES_TRIED):
        try:
            return msgspec.json.decode(line, type=_Stamped).ts
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return ""
