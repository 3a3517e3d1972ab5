"""Suppressed alerts: aggregated like others, and written to a separate log, each with the mute that suppresses it.

An alert whose mute was removed is not suppressed any more: its next repeat opens an alert, and the suppressed one is
closed without repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.mutes import Mute
from sensor.core.alert import Alert
from sensor.core.bounded import Bounded
from sensor.core.device import Device
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.record import Record, RecordMaker
from sensor.core.record_parts import short_text

LIMIT = 4096


class MutedBy(NamedTuple):
    """The mute that suppresses an alert, as its records name it."""

    id: str
    author: str
    reason: str


class SuppressedAlerts:
    """``emit`` receives their records; None if there is no log of suppressed alerts. ``device`` returns the device of
    an endpoint at the current packet.
    """

    def __init__(
        self,
        aggregator: AlertAggregator,
        maker: RecordMaker,
        emit: Callable[[Record], None] | None,
        device: Callable[[Subject], Device | None],
    ) -> None:
        self.aggregator, self.maker, self._emit, self._device = aggregator, maker, emit, device
        self._muted_by: Bounded[str, MutedBy] = Bounded(LIMIT)
        # Called with the action, the id, the alert and its mute: they are continued after a restart.
        self.note: Callable[[str, str, Alert, MutedBy], None] | None = None

    @property
    def tables(self) -> NamedTables:
        """Its bounded tables, under the names in telemetry."""
        tables = NamedTables()
        tables.include("muted_findings", self.aggregator)
        tables.include("muted_records", self.maker)
        tables.add("muted_by", self._muted_by)
        return tables

    def take(self, alert: Alert, mute: Mute) -> None:
        """A mute suppressed an alert."""
        self._muted_by.put(alert.key, MutedBy(mute.id, short_text(mute.author), short_text(mute.reason)))
        self._report(self.aggregator.take(alert))

    def tick(self, now: int) -> None:
        """A new second of packet time (ns) began."""
        self._report(self.aggregator.tick(now))

    def finish(self, now: int) -> None:
        """End of all packets: report counts that changed."""
        self._report(self.aggregator.finish(now))

    def restore(self, alert: Alert, name: str, by: MutedBy) -> str | None:
        """Restore an alert of an earlier run, under its id. Returns the key of the alert that it evicts."""
        self._muted_by.put(alert.key, by)
        self.maker.resume(alert, name)
        return self.aggregator.restore(alert)

    def _report(self, filed: Iterable[tuple[str, Alert]]) -> None:
        for action, alert in filed:
            by = self._muted_by.get(alert.key)
            if self._emit is None or by is None:
                continue
            if self.note is not None:
                self.note(action, self.maker.alert_id(action, alert), alert, by)
            targets = list(map(self._device, alert.targets))
            self._emit(self.maker.alert(action, alert, self._device(alert.actor), targets, muted=by._asdict()))
