"""The open alerts, incidents and suppressed alerts in stored form, so that a restart continues them: a repeat updates
its alert, and an alert without repeats is closed.

An alert is stored as it was last reported, with its proof in the form of records, since packets are gone after a
restart. Nothing here accesses files: ``runtime/keeper.py`` takes the changes, and restores them at the next start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.incidents import Incidents
from sensor.alerts.suppressed import MutedBy, SuppressedAlerts
from sensor.core.alert import Alert, Proof
from sensor.core.bounded import Bounded
from sensor.core.device import Device
from sensor.core.incident import Incident
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.proofs import community_id_of, proof_body
from sensor.core.record import RecordMaker
from sensor.core.record_parts import Body, plain
from sensor.core.stored import OpenEntry, Recorded

ALERT, INCIDENT, SUPPRESSED = "alert", "incident", "suppressed"


class _StoredAlert(msgspec.Struct):
    """``id``: in records; ``frames``: number of its packets in a file; ``fields``: those of Alert without its proof;
    ``by``: the mute that suppresses it, if any.
    """

    id: str
    frames: int
    fields: dict[str, Any]
    proof: tuple[Recorded, ...]
    by: MutedBy | None = None


class _StoredIncident(msgspec.Struct):
    """``hit``: the hosts that it may have compromised; ``fields``: those of Incident without its targets."""

    hit: tuple[str, ...]
    fields: dict[str, Any]
    targets: tuple[Subject, ...]


def _fields_of(kind: type[msgspec.Struct], left_out: str) -> type[msgspec.Struct]:
    """A struct with the fields of another one but for one of them."""
    fields = [(one.name, one.type) for one in msgspec.structs.fields(kind) if one.name != left_out]
    return msgspec.defstruct(f"{kind.__name__}Fields", fields)


_AlertFields, _IncidentFields = _fields_of(Alert, "proof"), _fields_of(Incident, "targets")


class _Reported(NamedTuple):
    """An alert as it was reported, under its id, with the number of its packets in a file, and the mute that suppresses
    it, if any.
    """

    name: str
    alert: Alert
    frames: int = 0
    by: MutedBy | None = None


class OpenState:
    """What changed since it was last stored. ``device`` returns the device of an endpoint at the current packet."""

    def __init__(
        self,
        aggregator: AlertAggregator,
        incidents: Incidents,
        suppressed: SuppressedAlerts,
        maker: RecordMaker,
        device: Callable[[Subject], Device | None],
        resume_packets: Callable[[str, int], None] | None,
        limit: int,
    ) -> None:
        """``resume_packets`` is called with the id of each alert that is restored, and the number of its
        packets in a file; ``limit``: number of changes that may wait to be stored.
        """
        self._aggregator, self._incidents, self._suppressed = aggregator, incidents, suppressed
        self._maker, self._device, self._resume_packets = maker, device, resume_packets
        self.tables = NamedTables()
        # (kind, key) → what was reported; None if it was closed.
        self._changed: Bounded[tuple[str, str], _Reported | Incident | None] = self.tables.add(
            "changed", Bounded(limit)
        )

    def note_alert(self, action: str, name: str, alert: Alert, packets: Body | None) -> None:
        """An alert was reported, under its id."""
        frames = packets["frames"] if packets is not None else 0
        self._changed.put((ALERT, alert.key), None if action == "close" else _Reported(name, alert, frames))

    def note_suppressed(self, action: str, name: str, alert: Alert, by: MutedBy) -> None:
        """A suppressed alert was written to its log, under its id."""
        reported = None if action == "close" else _Reported(name, alert, by=by)
        self._changed.put((SUPPRESSED, alert.key), reported)

    def note_incident(self, action: str, incident: Incident) -> None:
        """An incident was reported."""
        self._changed.put((INCIDENT, incident.key), None if action == "close" else incident)

    def take(self, limit: int) -> Iterator[OpenEntry]:
        """The entries that changed, at most ``limit``. They are then treated as stored."""
        for kind, key in list(self._changed)[:limit]:
            reported = self._changed.pop((kind, key))
            if reported is None:
                yield OpenEntry(kind, key)
            elif isinstance(reported, Incident):
                yield self._incident_entry(reported)
            else:
                yield self._alert_entry(kind, reported)

    def restore(self, kind: str, body: str) -> None:
        """Restore an alert or incident of an earlier run, after the devices, those with the oldest occurrence first.
        Raises ValueError or msgspec.DecodeError if it is invalid.
        """
        evicted = self._restore_incident(body) if kind == INCIDENT else self._restore_alert(kind, body)
        if evicted:
            self._changed.put((kind, evicted), None)

    def forget(self, device: str) -> None:
        """Remove what involves a device that is purged, without a report."""
        for kind, aggregator in ((ALERT, self._aggregator), (SUPPRESSED, self._suppressed.aggregator)):
            for key in aggregator.remove(lambda alert: device in self._devices(_ends_of_alert(alert))):
                self._changed.put((kind, key), None)
        for key in self._incidents.remove(lambda incident: device in self._devices(_ends_of_incident(incident))):
            self._changed.put((INCIDENT, key), None)

    def _alert_entry(self, kind: str, reported: _Reported) -> OpenEntry:
        name, alert, frames, by = reported
        stored = _StoredAlert(name, frames, _plain(alert, _AlertFields), tuple(map(_recorded, alert.proof)), by)
        return OpenEntry(kind, alert.key, alert.ts, self._devices(_ends_of_alert(alert)), _text(stored))

    def _incident_entry(self, incident: Incident) -> OpenEntry:
        hit, targets = self._incidents.hit(incident), tuple(incident.targets)
        stored = _StoredIncident(hit, _plain(incident, _IncidentFields), targets)
        ends = _ends_of_incident(incident)
        return OpenEntry(INCIDENT, incident.key, incident.ts, self._devices(ends), _text(stored))

    def _restore_alert(self, kind: str, body: str) -> str | None:
        stored = msgspec.convert(json.loads(body), _StoredAlert)
        if (kind == SUPPRESSED) != (stored.by is not None):
            raise ValueError(f"found {kind} with mute {stored.by}, expected mutes of suppressed alerts only")
        fields = msgspec.convert(stored.fields, _AlertFields)
        alert = Alert(**msgspec.structs.asdict(fields), proof=stored.proof)
        if stored.by is not None:
            return self._suppressed.restore(alert, stored.id, stored.by)
        self._maker.resume(alert, stored.id)
        if stored.frames and self._resume_packets is not None:
            self._resume_packets(stored.id, stored.frames)
        return self._aggregator.restore(alert)

    def _restore_incident(self, body: str) -> str | None:
        stored = msgspec.convert(json.loads(body), _StoredIncident)
        fields = msgspec.convert(stored.fields, _IncidentFields)
        incident = Incident(**msgspec.structs.asdict(fields), targets=dict.fromkeys(stored.targets))
        return self._incidents.restore(incident, stored.hit)

    def _devices(self, ends: Iterable[Subject]) -> tuple[str, ...]:
        """The ids of the devices of endpoints."""
        devices = map(self._device, ends)
        return tuple(dict.fromkeys(device.id for device in devices if device is not None))


def _ends_of_alert(alert: Alert) -> tuple[Subject, ...]:
    return (alert.actor, *alert.targets, *(() if alert.target is None else (alert.target,)))


def _ends_of_incident(incident: Incident) -> tuple[Subject, ...]:
    return (*incident.actors, *incident.targets, *(chapter.actor for chapter in incident.story))


def _recorded(proof: Proof) -> Recorded:
    return proof if isinstance(proof, Recorded) else Recorded(proof.ts, proof_body(proof), community_id_of(proof))


def _plain(one: msgspec.Struct, fields: type[msgspec.Struct]) -> dict[str, Any]:
    """The values of these fields. Some numbers are scalars of numpy."""
    return {name: msgspec.to_builtins(getattr(one, name), enc_hook=plain) for name in fields.__struct_fields__}


def _text(stored: msgspec.Struct) -> str:
    """As JSON. Addresses are integers of up to 128 bits, which msgspec does not write."""
    return json.dumps(msgspec.to_builtins(stored), separators=(",", ":"))
