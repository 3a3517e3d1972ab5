"""Closes the alerts and incidents that an earlier run left open and that this run does not continue: they would stay
open in lists forever.

The thread that writes the tables finds them, once the tables have all records of earlier runs; the engine's thread
reports them.
"""

from __future__ import annotations

import queue
from pathlib import Path

import msgspec

from sensor.alerts.left_open import closed, id_of
from sensor.alerts.processor import AlertProcessor
from sensor.inventory.store.store import Store
from sensor.tables.left_open import OpenRecords, last_number

# Records read at a time: each has at most 64 KiB.
SOME = 100


class LeftOpen:
    """For one run. ``log``: its event log, before the run writes to it. Raises OSError if it cannot be read."""

    def __init__(self, log: Path, alerts: AlertProcessor) -> None:
        self._alerts, self._continued = alerts, alerts.open_ids()
        self._records: OpenRecords | None = OpenRecords(last_number(log))
        self._found: queue.Queue[list[str]] = queue.Queue(1)

    def look(self, store: Store) -> None:
        """Find the next ones, in the thread of the tables. Raises StoreError."""
        while self._records is not None and not self._found.full():
            records = self._records.next(store.base, SOME)
            if records is None:
                return
            if not records:
                self._records = None
                self._continued = set()
            elif found := [text for text in records if id_of(text) not in self._continued]:
                self._found.put_nowait(found)

    def close(self, now: int) -> None:
        """Report those found as closed, in the engine's thread. ``now``: ns."""
        if self._found.empty():
            return
        for text in self._found.get_nowait():
            try:
                self._alerts.emit(closed(text, self._alerts.maker, now))
            except msgspec.DecodeError:  # not a record of this sensor: it stays as it is
                continue
