"""LogCursor: the numbered lines of a log after a given number, for readers that must not miss any or read any twice.

A line is returned if it is a JSON object with a plausible number: the next one, or one after a gap no larger than the
number of damaged lines, or one that the following line confirms. A damaged number thus hides no other line.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.log_lines import NO_RECORD, Damage, LogLines, parts
from sensor.eventlog.log_offsets import place_after
from sensor.eventlog.segments import Segment, number_of

# No record is shorter, so the number of damaged bytes limits the number of lost records.
SHORTEST = 64
WRONG_NUMBER, GAP = "a number that does not follow", "lines before it are missing"


class _Line(NamedTuple):
    text: bytes
    segment: Segment
    place: int


class LogCursor:
    """Reads lines after a number. ``at``: the last number returned or skipped; ``missing``: numbers up to it that are
    permanently missing from the log.

    ``damaged``: number of places in the log that cannot be read; ``damages``: the first of them.
    """

    def __init__(self, log: Path, after: int = 0) -> None:
        """``after``: the last number already processed. Raises OSError if the log cannot be read; a log that does not
        exist yet is waited for.
        """
        self.log, self.at, self.missing = log, after, 0
        self._source: LogLines | None = None
        self._waiting: deque[_Line] = deque()
        self._begun = 0
        # Bytes of damaged lines since the last good one; bytes damaged before, and the segment of that line.
        self._lost = self._damaged = 0
        self._within: Segment | None = None
        self._start()

    def read(self, lines: int = 1000, size: int = 1 << 20) -> list[tuple[int, bytes]]:
        """At most ``lines`` of the next lines with their numbers, up to ``size`` bytes. Returns immediately; empty if
        there are none currently.

        Raises OSError if the log cannot be read; the call may be repeated.
        """
        taken: list[tuple[int, bytes]] = []
        while len(taken) < lines and size > 0:
            found = self._next()
            if found is None:
                break
            taken.append(found)
            size -= len(found[1])
        return taken

    @property
    def damaged(self) -> int:
        return self._source.damaged if self._source is not None else 0

    @property
    def damages(self) -> list[Damage]:
        return self._source.damages if self._source is not None else []

    def close(self) -> None:
        """Close open files. A second call does nothing."""
        if self._source is not None:
            self._source.close()

    def number(self, line: bytes) -> int | None:
        """The number of a complete JSON line. Overridden by readers that decode lines anyway."""
        try:
            number = number_of(line)
            if not line.isascii():
                line.decode()
        except (UnicodeDecodeError, RecursionError):
            return None
        return number if number is not None and number > 0 else None

    def _start(self) -> LogLines | None:
        """The log from the next number on: finds the segment by name and the line by binary search. None if there is
        none.
        """
        while self._source is None:
            there = parts(self.log)
            if not there:
                return None
            start = next((one for one in reversed(there) if one.first <= self.at + 1), there[0])
            try:
                place = place_after(start, self.at)
                self._source = LogLines(self.log, place.segment, place.at, place.line)
            except FileNotFoundError:
                continue
        return self._source

    def _fill(self) -> bool:
        """Read the next lines; returns False if there are none currently."""
        source = self._start()
        lines = source.more() if source is not None else []
        if not lines or source is None or source.segment is None:
            return False
        if source.begun != self._begun:
            # The lines from here on belong to another log.
            self._begun, self.at, self._lost, self._within = source.begun, 0, 0, None
            self._waiting.clear()
        segment = source.segment
        self._waiting.extend(
            _Line(line, segment, place) for place, line in enumerate(lines, source.line - len(lines) + 1)
        )
        return True

    def _next(self) -> tuple[int, bytes] | None:
        while self._waiting or self._fill():
            line = self._waiting[0]
            number = self.number(line.text)
            if number is None:
                self._damage(line, NO_RECORD)
            elif number <= self.at:
                self._repeat(line)
            elif number == self.at + 1 or self._can_follow(number, line):
                self._take(number, line)
                return number, line.text
            elif self._confirmed(number) is None:
                break
            else:
                self._damage(line, WRONG_NUMBER)
        return None

    def _take(self, number: int, line: _Line) -> None:
        self._waiting.popleft()
        if number > self.at + 1:
            if line.segment.first and number > line.segment.first and self.damaged == self._damaged:
                self._report(line, GAP)
            self.missing += number - self.at - 1
        self.at, self._lost, self._within, self._damaged = number, 0, line.segment, self.damaged

    def _can_follow(self, number: int, line: _Line) -> bool:
        """Whether a number after a gap is plausible."""
        return (
            number == line.segment.first
            or (number - self.at - 1) * SHORTEST <= self._lost
            or bool(self._confirmed(number))
        )

    def _confirmed(self, number: int) -> bool | None:
        """Whether the next line's number is greater; None if that line does not exist yet. A log without segments has
        no later lines.
        """
        known = 1
        while known < len(self._waiting) or self._fill():
            for line in list(self._waiting)[known:]:
                if (following := self.number(line.text)) is not None:
                    return following > number
            known = len(self._waiting)
        return True if self._waiting[0].segment.first == 0 else None

    def _repeat(self, line: _Line) -> None:
        """A number that was returned before: from before the start, or in a segment that exists twice; within a segment
        it is damaged.
        """
        if line.segment == self._within:
            self._damage(line, WRONG_NUMBER)
        else:
            self._waiting.popleft()

    def _damage(self, line: _Line, reason: str) -> None:
        self._waiting.popleft()
        if line.text.strip():
            self._lost += len(line.text)
            self._report(line, reason)

    def _report(self, line: _Line, reason: str) -> None:
        if self._source is not None:
            self._source.report(line.segment, line.place, reason)
