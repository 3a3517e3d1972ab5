"""Records of a log, in order, into the tables. All within the caller's transaction; where that fails, another Applier
goes on.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from sensor.tables.alert_rows import AlertRows
from sensor.tables.device_rows import save_devices
from sensor.tables.lines import Line
from sensor.tables.notes import Note, save_notes
from sensor.tables.other_rows import Lines, save_findings, save_incidents, save_moments, save_recommendations
from sensor.tables.record_cursor import Record


class Applier:
    """``unusable``: lines that were no usable records; ``collisions``: alerts whose id another finding had."""

    def __init__(self, base: sqlite3.Connection, *, devices: bool = False, indexed: bool = True) -> None:
        """``devices``: also devices, for a log that is read without an inventory; ``indexed``: keep the index of texts
        as well.
        """
        self._base, self._devices = base, devices
        self._alerts = AlertRows(base, indexed=indexed)
        self.unusable = 0

    @property
    def collisions(self) -> int:
        return self._alerts.collisions

    def apply(self, records: Sequence[Record]) -> None:
        """The next records of the log."""
        lines_of: defaultdict[str, list[Lines]] = defaultdict(list)
        moments: list[Line] = []
        for number, text, line in records:
            if line is None:
                self.unusable += 1
                continue
            line.sensor.seq = number
            moments.append(line)
            if line.kind != "device" or self._devices:
                lines_of[line.kind].append((line, text.decode(errors="replace")))
        self._alerts.take(lines_of["alert"])
        save_incidents(self._base, lines_of["incident"])
        save_recommendations(self._base, lines_of["recommendation"])
        save_findings(self._base, lines_of["sensor"])
        save_moments(self._base, moments)
        if self._devices:
            save_devices(self._base, lines_of["device"])

    def take_notes(self, notes: Sequence[Note]) -> None:
        """What the operator noted."""
        self._alerts.take_notes(save_notes(self._base, notes))
