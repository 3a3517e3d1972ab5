"""Applies batches of a log to the tables, in order. All happens within the caller's transaction; if that fails, a new
Applier must continue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sensor.tables.alert_rows import AlertRows
from sensor.tables.batch import Batch
from sensor.tables.device_rows import save_devices
from sensor.tables.notes import Note, save_notes
from sensor.tables.other_rows import save_findings, save_incidents, save_moments, save_recommendations


class Applier:
    """``unusable``: lines without a usable record; ``collisions``: alerts whose id another finding had."""

    def __init__(self, base: sqlite3.Connection, *, indexed: bool = True) -> None:
        """``indexed``: update the text index as well."""
        self._base = base
        self._alerts = AlertRows(base, indexed=indexed)
        self.unusable = 0

    @property
    def collisions(self) -> int:
        return self._alerts.collisions

    def apply(self, batch: Batch) -> None:
        """Apply the next records of the log."""
        self.unusable += batch.unusable
        self._alerts.take(batch.alerts, batch.parties)
        others = batch.others.get
        save_incidents(self._base, others("incident", ()))
        save_recommendations(self._base, others("recommendation", ()))
        save_findings(self._base, others("sensor", ()))
        save_devices(self._base, others("device", ()))
        save_moments(self._base, batch.moments)

    def take_notes(self, notes: Sequence[Note]) -> None:
        """Apply the operator's notes."""
        self._alerts.take_notes(save_notes(self._base, notes))
