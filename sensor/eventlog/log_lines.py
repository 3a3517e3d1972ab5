"""The lines of a log over all its segments, in order and once, as far as they exist.

A reader at the end of a segment continues with the next as soon as it exists, after it has read the rest of the last: a
writer begins a segment only after it has written the one before. An open segment stays readable while it is compressed
or removed. A plain log that is truncated or replaced is read from its beginning.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from sensor.eventlog.segment_lines import Lines, open_lines
from sensor.eventlog.segments import Segment, segments

DAMAGES_KEPT = 100
# Reads at the end of a log after which the folder is listed, whatever its link points to: a crash may have left an old
# link.
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
    """The segments of a log; one that has none is itself one where it is there at all."""
    if found := segments(log):
        return found
    # Its name is there after its first segment: a folder that was empty a moment ago may hold one by now.
    return (segments(log) or [Segment(0, log)]) if log.exists() else []


class LogLines:
    """A position in a log that advances.

    ``line``: lines of the segment that were returned; ``damaged``, ``damages``: how many places could not be read, and
    the first of them; ``begun``: how often the log was restarted from its beginning.
    """

    def __init__(self, log: Path, start: Segment | None = None, at: int = 0, line: int = 0) -> None:
        """``start``: begin with this segment instead of the first, at byte ``at``, which ``line`` lines are before.
        OSError where it cannot be opened.
        """
        self.log = log
        self.line, self.damaged, self.begun = line, 0, 0
        self.damages: list[Damage] = []
        self._looks = 0
        # Another segment is there: what this one got before is read once more.
        self._left = False
        self._here = open_lines(start, self._report, at) if start is not None else None

    @property
    def segment(self) -> Segment | None:
        """The one being read; None where there is no log yet."""
        return self._here.segment if self._here is not None else None

    def more(self) -> list[bytes]:
        """The next whole lines, all of ``segment``; none where there are none now. OSError where a segment cannot be
        read.
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
        """The last line where it has no end, which may still be written. It is not given again."""
        rest = self._here.take_rest() if self._here is not None else b""
        return [rest] if rest else []

    def report(self, segment: Segment, line: int, reason: str) -> None:
        """Count a damaged line."""
        self.damaged += 1
        if len(self.damages) < DAMAGES_KEPT:
            self.damages.append(Damage(segment.path.name, line, reason))

    def close(self) -> None:
        """Close what is open. A second call does nothing."""
        if self._here is not None:
            self._here.file.close()
            self._here = None

    def _report(self, reason: str) -> None:
        if self.segment is not None:
            self.report(self.segment, self.line + 1, reason)

    def _begin(self) -> Lines | None:
        """Open the first segment there is. One that is removed or compressed in between is looked for again."""
        while there := parts(self.log):
            with contextlib.suppress(FileNotFoundError):
                self._here = open_lines(there[0], self._report)
                return self._here
        return None

    def _is_over(self, here: Lines) -> bool:
        """Whether something else continues where this segment ends."""
        if here.segment.first == 0:
            return self._replaced(here)
        self._looks += 1
        if self._looks % LOOKS:
            with contextlib.suppress(OSError):
                if self.log.readlink().name == here.segment.path.name:
                    return False
        return bool(self._after(here.segment.first))

    def _replaced(self, here: Lines) -> bool:
        """Whether another file has the name of a plain log now. A name that is gone may come back: nothing is done
        until it does.
        """
        try:
            return not os.path.samestat(self.log.stat(), os.fstat(here.file.fileno()))
        except FileNotFoundError:
            return False

    def _leave(self, here: Lines) -> None:
        """Go on with the segment after this one. One that is removed in between is passed."""
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
        """What follows a plain log: where it has become a segment the ones after that, else all
        that has its name now.
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
