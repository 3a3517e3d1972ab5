"""Reads the event log: records as plain objects, lazily, over all segments, to the end or continuously.

Lines that are not records are skipped and counted, with their positions: a log may come from any source, and one bad
line must not hide the rest. An unterminated last line is still being written: with ``follow`` the reader waits for its
end, otherwise it is returned only if it is complete JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor.eventlog.log_lines import NO_RECORD, Damage, LogLines
from sensor.eventlog.log_offsets import LineOffset
from sensor.eventlog.segments import Segment

# Seconds between two checks of a log without new lines.
PAUSE_S = 0.1
# Number of times in a row that a segment may disappear between listing the folder and opening it.
FINDS = 10


class Reader:
    """Reads one log. ``broken`` counts lines that are not records, ``damages`` has the first positions; ``missing``
    counts records that were removed before they were read.
    """

    def __init__(
        self,
        path: Path,
        *,
        follow: bool = False,
        stop: Callable[[], bool] | None = None,
        start: LineOffset | None = None,
    ) -> None:
        """``follow``: continue at the end, like ``tail -F``: over segments, and a log that is truncated, replaced or
        does not exist yet is read from its beginning.

        ``stop`` is called at each pause. ``start``: begin at this position.
        """
        self.path, self.follow, self.stop, self.start = path, follow, stop, start
        self.broken = self.missing = 0
        self.damages: list[Damage] = []
        self._source: LogLines | None = None
        self._within: Segment | None = None
        self._last: dict[str, Any] = {}

    def begin(self, find: Callable[[], LineOffset | None]) -> LineOffset | None:
        """Open the log at the position that ``find`` returns, so that later changes of its segment do not matter. If
        the segment is compressed meanwhile, the search is repeated.
        """
        for left in reversed(range(FINDS)):
            try:
                self.start = find()
                self._source = self._open()
                break
            except FileNotFoundError:
                if not left:
                    raise
        return self.start

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records. Raises OSError if the log cannot be opened, unless it is followed and does not exist yet."""
        return (record for _, record in self.pairs())

    def pairs(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Each line with a record, without its end, and the decoded record."""
        source, self._source = self._source or self._open(), None
        self.damages = source.damages
        try:
            for lines in self._batches(source):
                segment, first = source.segment, source.line - len(lines) + 1
                self._enter(segment)
                for place, line in enumerate(lines, first):
                    record = record_of(line)
                    if record is not None:
                        self._last = record
                        yield line, record
                    elif segment is not None and line.strip():
                        source.report(segment, place, NO_RECORD)
                self.broken = source.damaged
        finally:
            self.broken = source.damaged
            source.close()

    def _open(self) -> LogLines:
        if self.start is None:
            return LogLines(self.path)
        return LogLines(self.path, self.start.segment, self.start.at)

    def _batches(self, source: LogLines) -> Iterator[list[bytes]]:
        while True:
            if lines := source.more():
                # A position other than 0 in a compressed segment is its end: its lines are skipped.
                if not (
                    self.start and self.start.at and source.segment == self.start.segment and source.segment.compressed
                ):
                    yield lines
            elif self.follow and not self._stopped():
                time.sleep(PAUSE_S)
            else:
                break
        if not self.follow:
            if source.segment is None:
                self.path.open("rb").close()  # raises the reason why there is no log
            yield source.rest()

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop()

    def _enter(self, segment: Segment | None) -> None:
        """Count the records between the last one and the current segment, which were removed meanwhile."""
        if segment == self._within or segment is None:
            return
        origin = self._last.get("sensor")
        last = origin.get("seq") if isinstance(origin, dict) else None
        if self._within is not None and isinstance(last, int):
            self.missing += max(0, segment.first - last - 1)
        self._within = segment


def read(path: Path, *, follow: bool = False, stop: Callable[[], bool] | None = None) -> Iterator[dict[str, Any]]:
    """The records of a log, lazily; see ``Reader``."""
    return iter(Reader(path, follow=follow, stop=stop))


def record_of(line: bytes) -> dict[str, Any] | None:
    """The line as an object with a time and a kind; None for any other line."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return (
        record
        if isinstance(record, dict) and isinstance(record.get("ts"), str) and isinstance(record.get("kind"), str)
        else None
    )
