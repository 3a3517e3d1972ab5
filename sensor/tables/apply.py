"""Records of a log, in order, into the tables. All within the caller's transaction; where that fails, another Applier
goes on.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from sensor.tables.alert_rows import AlertRows
from sensor.tables.device_rows import save_devices
from sensor.tables.lines import Line, line_of
from sensor.tables.other_rows import Told, save_findings, save_incidents, save_moments, save_recommendations
from sensor.tables.words import Note, save_notes


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

    def apply(self, lines: Sequence[tuple[int, bytes]]) -> None:
        """Numbers of records, and their lines."""
        told: defaultdict[str, list[Told]] = defaultdict(list)
        moments: list[Line] = []
        for number, text in lines:
            line = line_of(text)
            if line is None:
                self.unusable += 1
                continue
            line.sensor.seq = number
            moments.append(line)
            if line.kind != "device" or self._devices:
                told[line.kind].append((line, text.decode(errors="replace")))
        self._alerts.take(told["alert"])
        save_incidents(self._base, told["incident"])
        save_recommendations(self._base, told["recommendation"])
        save_findings(self._base, told["sensor"])
        save_moments(self._base, moments)
        if self._devices:
            save_devices(self._base, told["device"])

    def say(self, notes: Sequence[Note]) -> None:
        """What the operator noted."""
        self._alerts.say(save_notes(self._base, notes))
