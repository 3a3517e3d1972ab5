"""The alert processor: the path of alerts from detectors to reports. Alerts are scored, muted as the operator
requested, aggregated, grouped into incidents, and get their packets.

All alerts pass here, in packet order. Mutes are applied before anything is counted or reported; suppressed alerts are
aggregated separately and passed to ``muted``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.coverage import marked
from sensor.alerts.incidents import Incidents
from sensor.alerts.mutes import Mutes
from sensor.alerts.open_state import OpenState
from sensor.alerts.scoring import AlertScorer
from sensor.alerts.suppressed import LIMIT as SUPPRESSED_LIMIT
from sensor.alerts.suppressed import SuppressedAlerts
from sensor.core.alert import Alert, Severity
from sensor.core.device import Device
from sensor.core.incident import Incident
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.record import Record, RecordMaker
from sensor.core.record_parts import Body, short_text

Emit = Callable[[Record], None]


class Evidence(Protocol):
    """Keeps the packets that prove alerts."""

    def gather(self, action: str, name: str, alert: Alert) -> Body | None:
        """The packets of an alert, as its record shows them; None if there are none."""
        ...

    @property
    def tables(self) -> NamedTables:
        """Its bounded tables."""
        ...

    def resume(self, name: str, frames: int) -> None:
        """An alert of an earlier run is still open, with this number of packets in its file."""
        ...

    def tick(self, now: int) -> None: ...
    def finish(self) -> None: ...


class AlertProcessor:
    """``below``: number of alerts below the minimum severity; ``device`` returns the device of an endpoint at the
    current packet.
    """

    def __init__(
        self, aggregator: AlertAggregator, maker: RecordMaker, emit: Emit, device: Callable[[Subject], Device | None],
        *, scorer: AlertScorer | None = None, mutes: Mutes | None = None, incidents: Incidents | None = None,
        evidence: Evidence | None = None,
        least: Severity = Severity.info, muted: Emit | None = None,
    ) -> None:  # fmt: skip
        self.aggregator, self.maker, self.emit, self.device = aggregator, maker, emit, device
        self.mutes = Mutes() if mutes is None else mutes
        self.incidents = Incidents(device) if incidents is None else incidents
        self.evidence = evidence
        self._scorer, self._least = scorer, least
        self.suppressed = SuppressedAlerts(
            AlertAggregator(aggregator.suppression, SUPPRESSED_LIMIT, aggregator.low_suppression),
            RecordMaker(maker.sensor_id, maker.site, maker.version, maker.networks),
            muted,
            device,
        )
        self.below = 0
        self.open_state: OpenState | None = None
        # Called with the id of each alert that is filed, the alert and the time of its state (ns), for traffic records.
        self.name_flows: Callable[[str, Alert, int], None] | None = None

    @property
    def tables(self) -> NamedTables:
        """Its bounded tables, of the evidence in use."""
        tables = NamedTables()
        for name, unit in (
            ("findings", self.aggregator), ("records", self.maker), ("incidents", self.incidents),
        ):  # fmt: skip
            tables.include(name, unit)
        for name, table in self.suppressed.tables:
            tables.add(name, table)
        if self.evidence is not None:
            tables.include("evidence", self.evidence)
        if self.open_state is not None:
            tables.include("open_state", self.open_state)
        return tables

    def keep_open_state(self, limit: int) -> OpenState:
        """Start to note which alerts and incidents are open, so that a restart continues them. ``limit``: number of
        changes that may wait to be stored.
        """
        resume_packets = self.evidence.resume if self.evidence is not None else None
        self.open_state = OpenState(
            self.aggregator, self.incidents, self.suppressed, self.maker, self.device, resume_packets, limit
        )
        self.suppressed.note = self.open_state.note_suppressed
        return self.open_state

    def open_ids(self) -> set[str]:
        """The ids of all open alerts and incidents."""
        alerts = {self.maker.alert_id("update", alert) for alert in self.aggregator.alerts()}
        return alerts | {self.maker.incident_id(incident) for incident in self.incidents.reported()}

    def adjust(self, least: Severity, suppression: int, low_suppression: int, gap: int, site: str) -> None:
        """Use new settings from the next alert on. ``suppression`` of findings and ``gap`` of incidents: ns."""
        self._least = least
        self.incidents.end_after(gap)
        for aggregator in (self.aggregator, self.suppressed.aggregator):
            aggregator.suppress(suppression, low_suppression)
        for maker in (self.maker, self.suppressed.maker):
            maker.move(site)

    def take(self, alerts: Iterable[Alert]) -> None:
        """Process the alerts that a detector raised at the current packet."""
        for alert in alerts:
            alert = marked(alert if self._scorer is None else self._scorer.scored(alert))
            if alert.severity < self._least:
                self.below += 1
            elif mute := self.mutes.silence(alert, self.device):
                self.suppressed.take(alert, mute)
            else:
                self._file(self.aggregator.take(alert), alert.ts)

    def tick(self, now: int) -> None:
        """A new second of packet time (ns) began."""
        if now >= self.aggregator.due:
            self._file(self.aggregator.tick(now), now)
        if now >= self.suppressed.aggregator.due:
            self.suppressed.tick(now)
        if now >= self.incidents.due:
            self._emit_incidents(self.incidents.tick(now), now)
        if self.evidence is not None:
            self.evidence.tick(now)

    def finish(self, now: int) -> None:
        """End of all packets: report everything that is pending."""
        self._file(self.aggregator.finish(now), now)
        self.suppressed.finish(now)
        self._emit_incidents(self.incidents.finish(now), now)
        if self.evidence is not None:
            self.evidence.finish()

    def close(self, name: str, by: str, reason: str, now: int) -> bool:
        """Close an alert by its id, on behalf of the operator; returns False if none with that id is open."""
        filed = self.aggregator.close(name, lambda alert: self.maker.alert_id("close", alert))
        for _, alert in filed:
            self._emit_alert(
                "close", alert, now, closed={"by": short_text(by)} | ({"reason": short_text(reason)} if reason else {})
            )
        return bool(filed)

    def _file(self, filed: Iterable[tuple[str, Alert]], now: int) -> None:
        for action, alert in filed:
            self._emit_alert(action, alert, now)
            if action != "close":
                self._emit_incidents(self.incidents.take(action, self.maker.alert_id("update", alert), alert), alert.ts)

    def _emit_alert(self, action: str, alert: Alert, now: int, **more: Body) -> None:
        name = self.maker.alert_id(action, alert)
        packets = self.evidence.gather(action, name, alert) if self.evidence is not None else None
        at = now if action == "close" else None
        if self.open_state is not None:
            self.open_state.note_alert(action, name, alert, packets)
        if self.name_flows is not None:
            self.name_flows(name, alert, alert.ts if at is None else at)
        self.emit(
            self.maker.alert(
                action,
                alert,
                self.device(alert.actor),
                list(map(self.device, alert.targets)),
                at=at,
                packets=packets,
                **more,
            )
        )

    def _emit_incidents(self, filed: Iterable[tuple[str, Incident]], now: int) -> None:
        for action, incident in filed:
            if self.open_state is not None:
                self.open_state.note_incident(action, incident)
            self.emit(self.maker.incident(action, incident, self.device, now if action == "close" else None))
