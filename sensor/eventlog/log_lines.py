"""The lines of a log over all its segments, in order and each once, as far as they exist.

A reader at the end of a segment continues with the next one as soon as it exists, after reading the rest of the present
one: a writer begins a segment only after it has completed the one before. An open segment stays readable while it is
compressed or removed. A plain log that is truncated or replaced is read from its beginning.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.segment_lines import Lines, open_lines
from sensor.eventlog.segments import Segment, segments

DAMAGES_KEPT = 100
# Of the reads at the end of a segment, the first of so many lists the folder regardless of the link: a crash may have
# left an outdated link.
LOOKS = 16
NO_RECORD = "no record"


class Damage(NamedTuple):
    """A place in a log that cannot be read. ``line``: counted from 1 within the segment."""

    segment: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.segment}:{self.line}: {self.reason}"


def parts(log: Path) -> list[Segment]:
    """The segments of a log; a plain log is a single segment, if it exists."""
    if found := segments(log):
        return found
    # The log's name is created after its first segment: a folder that was empty a moment ago may have a segment by now.
    return (segments(log) or [Segment(0, log)]) if log.exists() else []


class LogLines:
    """A position in a log that advances.

    ``line``: lines of the segment that were returned; ``damaged``, ``damages``: number of unreadable places, and the
    first of them; ``begun``: how often the log was restarted from its beginning.
    """

    def __init__(self, log: Path, start: Segment | None = None, at: int = 0, line: int = 0) -> None:
        """``start``: begin with this segment instead of the first, at byte ``at``, which comes after ``line`` lines.
        Raises OSError if it cannot be opened.
        """
        self.log = log
        self.line, self.damaged, self.begun = line, 0, 0
        self.damages: list[Damage] = []
        self._looks = 0
        # Another segment exists: read what the current one received before.
        self._left = False
        self._here = open_lines(start, self._report, at) if start is not None else None

    @property
    def segment(self) -> Segment | None:
        """The current segment; None if there is no log yet."""
        return self._here.segment if self._here is not None else None

    def more(self) -> list[bytes]:
        """The next complete lines, all of ``segment``; empty if there are none currently. Raises OSError if a segment
        cannot be read.
        """
        while (here := self._here or self._begin()) is not None:
            lines = here.more()
            if not lines and self._left:
                lines = self.rest()
            if lines:
                self.line += len(lines)
                return lines
            if self._left:
                self._leave(here)
            elif here.cut():
                self.line, self.begun = 0, self.begun + 1
            elif self._is_over(here):
                self._left = True
            else:
                break
        return []

    def rest(self) -> list[bytes]:
        """The last, unterminated line, which may still be written. It is not returned again."""
        rest = self._here.take_rest() if self._here is not None else b""
        return [rest] if rest else []

    def report(self, segment: Segment, line: int, reason: str) -> None:
        """Count a damaged line."""
        self.damaged += 1
        if len(self.damages) < DAMAGES_KEPT:
            self.damages.append(Damage(segment.path.name, line, reason))

    def close(self) -> None:
        """Close open files. A second call does nothing."""
        if self._here is not None:
            self._here.file.close()
            self._here = None

    def _report(self, reason: str) -> None:
        if self.segment is not None:
            self.report(self.segment, self.line + 1, reason)

    def _begin(self) -> Lines | None:
        """Open the first segment. One that is removed or compressed meanwhile is searched for again."""
        while there := parts(self.log):
            with contextlib.suppress(FileNotFoundError):
                self._here = open_lines(there[0], self._report)
                return self._here
        return None

    def _is_over(self, here: Lines) -> bool:
        """Whether the log continues elsewhere at the end of this segment."""
        if here.segment.first == 0:
            return self._replaced(here)
        self._looks += 1
        if self._looks % LOOKS != 1:
            with contextlib.suppress(OSError):
                if self.log.readlink().name == here.segment.path.name:
                    return False
        return bool(self._after(here.segment.first))

    def _replaced(self, here: Lines) -> bool:
        """Whether the name of a plain log refers to another file now. A missing name may reappear: until then nothing
        is done.
        """
        try:
            return not os.path.samestat(self.log.stat(), os.fstat(here.file.fileno()))
        except FileNotFoundError:
            return False

    def _leave(self, here: Lines) -> None:
        """Continue with the segment after this one. One that is removed meanwhile is skipped."""
        following = self._after(here.segment.first) if here.segment.first else self._after_plain(here)
        if not following:
            self._left = False
            return
        with contextlib.suppress(FileNotFoundError):
            self._here = open_lines(following[0], self._report)
            self.line, self._left, self._looks = 0, False, 0
            here.file.close()

    def _after(self, first: int) -> list[Segment]:
        return [one for one in segments(self.log) if one.first > first]

    def _after_plain(self, here: Lines) -> list[Segment]:
        """The segments after a plain log: if it has become a segment those after it, else all that have its name
        now.
        """
        held, there = os.fstat(here.file.fileno()), parts(self.log)
        for place, one in enumerate(there):
            if _same(one.path, held):
                return there[place + 1 :]
        self.begun += bool(there) and there[0].first == 0
        return there


def _same(path: Path, held: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), held)
    except FileNotFoundError:
        return False
