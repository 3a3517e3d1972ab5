"""The device changes that are due: new, changed and gone devices. ``reporting.py`` determines which fields are
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sensor.core.detector import NEVER
from sensor.core.device import Device, DeviceChange, FieldChange
from sensor.inventory import reporting
from sensor.inventory.baseline import PAUSE
from sensor.inventory.limits import Limits
from sensor.inventory.record import Record
from sensor.inventory.reporting import Reported
from sensor.inventory.table import Table

# Number of checks for silent devices within the silence after which a device is gone.
_GONE_CHECKS = 16
# Limit on remembered pauses of the capture.
_PAUSES_LIMIT = 64


class Changes:
    """``settled``: packet time (ns) of the last check, None before the first. ``view`` returns the current state of a
    device.
    """

    def __init__(self, table: Table, view: Callable[[Record], Device]) -> None:
        self._table, self._view = table, view
        self.settled: int | None = None
        self._next_gone_check: int | None = None
        self._resumed, self._watching = False, 0
        # The last second with packets, and the latest times without any: begin and end.
        self._received = 0
        self._pauses: list[tuple[int, int]] = []
        self._flooded = False

    def doubt(self) -> None:
        """More senders appeared in this second than can be real."""
        self._flooded = True
        self._table.settle_at = 0

    def resume(self) -> None:
        """Monitoring was interrupted: silence is counted from the next second."""
        self._resumed = True
        self._table.settle_at = 0

    def settle(self, now: int, limits: Limits, *, idle: bool = False) -> list[DeviceChange]:
        """Called each second of packet time. A second in which nothing is due costs nothing. ``idle``: no packet began
        it.
        """
        if not idle:
            if abs(now - self._received) > PAUSE:
                self._pause(now)
            self._received = now
        if now < self._table.settle_at and self.settled is not None and now >= self.settled:
            self.settled = now
            return []
        return self.report(now, limits, final=False)

    def report(self, now: int, limits: Limits, *, final: bool) -> list[DeviceChange]:
        """The changes that are due. ``final``: end of the run, so nothing waits."""
        changes: list[DeviceChange] = []
        due, self._table.due, self._table.settle_at = self._table.due, {}, NEVER
        for record in self._reportable(due):
            if not final and record.reported is not None and 0 <= now - record.reported.looked < limits.pause_ns:
                self._table.look_at(record, record.reported.looked + limits.pause_ns)
                continue
            changes.extend(self._news(record, now, limits, final))
            if record.reported is not None and record.reported.has_pending:
                self._table.look_at(record, now + limits.pause_ns)
        changes.extend(self._departures(now, limits))
        self.settled = now
        if self._table.journal is not None:
            for change in changes:
                self._table.journal.report(change)
        return changes

    def _reportable(self, due: dict[Record, bool]) -> list[Record]:
        """The records that may be reported: without new hosts that were seen once, if a flood of them began."""
        if not self._flooded:
            return list(due)
        self._flooded = False
        forged = {record for record in due if record.reported is None and record.first == record.last}
        self._table.reject(forged)
        return [record for record in due if record not in forged]

    def _news(self, record: Record, now: int, limits: Limits, final: bool) -> Iterator[DeviceChange]:
        record.sync()
        device, ips = self._view(record), record.ipv4
        if device.type != "unknown":
            self._table.identify(record)
        reported = record.reported
        if reported is None:
            reported = record.reported = Reported(device, ips, now)
            yield from reporting.first_report(record.since, reporting.snapshot(device))
            changes = []
        else:
            reported.looked = now
            changes = reported.changes(device, now, limits, final)
            moved = reported.moves_to(ips, now, limits, final)
            if moved:
                changes.append(moved)
        yield from self._changes_of(record, reported, device, changes, now)

    def _changes_of(
        self, record: Record, reported: Reported, device: Device, changes: list[FieldChange], now: int
    ) -> Iterator[DeviceChange]:
        """One change for all fields; changes of identity (merged, split, back) include the fields, if there are any."""
        news, record.news = record.news, ()
        if changes and (not news or not reported.identified):
            news += ((reporting.action_of(reported, changes), ""),)
        # Delayed changes have the time of their report, not of the first sighting.
        ts = record.since if self.settled is None or record.since > self.settled else now
        for index, (action, note) in enumerate(news):
            yield DeviceChange(
                ts=ts,
                action=action,
                device=reporting.snapshot(device),
                changes=tuple(changes) if index == len(news) - 1 else (),
                evidence=reporting.evidence_of(device),
                note=note,
            )

    def _departures(self, now: int, limits: Limits) -> Iterator[DeviceChange]:
        """Addresses that have a new owner, and devices that were silent for too long; checked periodically."""
        departed, self._table.departed = self._table.departed, []
        for record, note in departed:
            if record.reported is not None:
                yield DeviceChange(ts=now, action="gone", device=reporting.snapshot(self._view(record)), note=note)
        if self._resumed:  # not monitored between the runs: silence begins now
            self._resumed, self._watching = False, now
        if self._next_gone_check is None or now - self._next_gone_check < -limits.gone_ns:
            self._next_gone_check = now + limits.gone_ns // _GONE_CHECKS
        if now < self._next_gone_check:
            self._table.settle_at = min(self._table.settle_at, self._next_gone_check)
            return
        self._next_gone_check = now + limits.gone_ns // _GONE_CHECKS
        self._table.settle_at = min(self._table.settle_at, self._next_gone_check)
        silent = [
            record
            for queue in (self._table.unidentified, self._table.identified)
            for record in queue
            if now - record.last >= limits.gone_ns  # at least: few are computed
            and not record.gone
            and record.reported is not None
            and self._silence(record, now) >= limits.gone_ns
        ]
        for record in silent:
            record.gone = True
            self._table.note(record)
            yield DeviceChange(ts=now, action="gone", device=reporting.snapshot(self._view(record)))

    def _pause(self, now: int) -> None:
        """There were no packets since the last second with some: nothing was captured, or its clock was set. One that
        was set back ends no pause.
        """
        self._pauses = [pause for pause in self._pauses if pause[1] <= now]
        if self._received and now > self._received:
            self._pauses.append((self._received, now))
        for _, end in self._pauses[:-_PAUSES_LIMIT]:
            self._watching = max(self._watching, end)
        del self._pauses[:-_PAUSES_LIMIT]

    def _silence(self, record: Record, now: int) -> int:
        """Observed silence of a device, ns: it may have sent in a pause of the capture. The lease of an address goes on
        meanwhile: it may be that of another host afterwards.
        """
        since = max(record.last, self._watching)
        if not record.macs:
            return now - since
        until = now if now - self._received <= PAUSE else self._received
        return until - since - sum(max(0, end - max(begin, since)) for begin, end in self._pauses)
