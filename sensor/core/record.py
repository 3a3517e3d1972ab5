"""Record: the envelope of all events that the sensor writes, and the builders for device changes, alerts and events
about the sensor itself.

Keys come in the order of the fields below; unknown values are absent, never null. A record is at most 64 KiB as a JSON
line. The truncation rule: while it is longer, its longest list (evidence, targets …) loses its second half; if no list
has two items left, its longest text does. ``cut`` names what was shortened. Deterministic: the same packets give the
same records and the same ids. The writer of the event log adds ``seq`` and ``emitted``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from sensor.core.addresses import Networks
from sensor.core.alert import Alert
from sensor.core.bounded import Bounded
from sensor.core.device import Device, DeviceChange
from sensor.core.device_text import endpoint_text
from sensor.core.ids import entity_id
from sensor.core.incident import Incident
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.proofs import community_id_of, proof_body
from sensor.core.reader import clean
from sensor.core.recommendation import Recommendation
from sensor.core.record_bodies import attack_body, chapter_body, recommendation_body
from sensor.core.record_ids import record_id
from sensor.core.record_parts import (
    LIST_LIMIT,
    MSG_LIMIT,
    SHORT_TEXT_LIMIT,
    TEXT_LIMIT,
    Body,
    claim_body,
    device_body,
    device_sentence,
    end_body,
    filled,
    ips_of,
    plain,
    short_text,
    time_text,
)
from sensor.core.risk import risk_of, risk_terms

SCHEMA = "1.0"
SIZE_LIMIT = 64 * 1024
SLACK = 128
"""Bytes reserved in the line for what the writer adds: seq, emitted and the line's end."""

WHY_LIMIT, NUMBERS_LIMIT = 16, 32
NETWORK_KEYS = ("proto", "app", "vlan", "direction")
SHORTEST_CUT = 64
# Similar records come close together: their packet time is the same.
REPEATS_LIMIT = 2048
OPEN_LIMIT = 65536

_ENCODER = msgspec.json.Encoder()


class Origin(msgspec.Struct, kw_only=True):
    """The sensor that wrote the event. ``seq`` counts its events without gaps; set by the writer of the log."""

    id: str
    site: str | UnsetType = UNSET
    version: str
    seq: int | UnsetType = UNSET


class Record(msgspec.Struct, kw_only=True):
    """One line of the event log. ``ts`` is packet time as RFC 3339, UTC, microseconds; ``emitted`` is wall time,
    present only if it differs by more than a second.
    """

    ts: str
    kind: str
    action: str
    severity: str
    msg: str
    id: str = ""
    schema: str
    sensor: Origin
    emitted: str | UnsetType = UNSET
    device: Body | UnsetType = UNSET
    changes: list[Body] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    alert: Body | UnsetType = UNSET
    incident: Body | UnsetType = UNSET
    recommendation: Body | UnsetType = UNSET
    src: Body | UnsetType = UNSET
    dst: Body | UnsetType = UNSET
    targets: list[Body] | UnsetType = UNSET
    network: Body | UnsetType = UNSET
    evidence: list[Body] | UnsetType = UNSET
    packets: Body | UnsetType = UNSET
    capture: Body | UnsetType = UNSET
    facts: Body | UnsetType = UNSET
    cut: list[str] | UnsetType = UNSET


def encode(record: Record) -> bytes:
    """The record as JSON without an end of line."""
    return _ENCODER.encode(record)


class RecordMaker:
    """Builds the records of one sensor. ``loss``: share of packets lost before they reached the sensor (0 to 1), set on
    alerts if known (live capture only); ``shed``: share of messages left unparsed for lack of time, if there were any.
    """

    def __init__(self, sensor_id: str, site: str = "", version: str = "", networks: Networks | None = None) -> None:
        self.sensor_id = clean(sensor_id, SHORT_TEXT_LIMIT)
        self.site = clean(site, SHORT_TEXT_LIMIT)
        self.version = clean(version, SHORT_TEXT_LIMIT)
        self.networks = networks or Networks()
        self.loss: float | None = None
        self.shed = 0.0
        self._salt = hashlib.blake2b(self.sensor_id.encode(), digest_size=16).digest()
        self.tables = NamedTables()
        self._repeats: Bounded[bytes, int] = self.tables.add("repeats", Bounded(REPEATS_LIMIT))
        self._open: Bounded[str, str] = self.tables.add("open", Bounded(OPEN_LIMIT))

    def move(self, site: str) -> None:
        """The sensor moved to another site. Its id never changes: ids of records are derived from it."""
        self.site = clean(site, SHORT_TEXT_LIMIT)

    def device(self, change: DeviceChange) -> Record:
        """The record of a device change."""
        ips = ips_of(change.device)
        record = self._begin(change.ts, "device", change.action, "info", device_sentence(change, ips))
        record.device = device_body(change.device, ips)
        if change.changes:
            record.changes = [
                filled({"field": one.field, "old": short_text(one.old), "new": short_text(one.new)})
                for one in change.changes
            ]
        if change.note:
            record.reason = clean(change.note, TEXT_LIMIT) or UNSET
        if change.evidence:
            record.evidence = [claim_body(one) for one in change.evidence]
        return self._end(change.ts, record)

    def alert(
        self,
        action: str,
        alert: Alert,
        actor: Device | None = None,
        targets: Sequence[Device | None] = (),
        *,
        at: int | None = None,
        packets: Body | None = None,
        **more: Body,
    ) -> Record:
        """A new alert, or the current state of one. ``targets`` are the devices of ``alert.targets``, in the same
        order. ``at``: time of the report, if not that of the last occurrence; ``packets``: the file with its packets;
        ``more``: further objects of the alert (``closed``, ``muted``).
        """
        ts = alert.ts if at is None else at
        record = self._begin(ts, "alert", action, alert.severity.name, alert.summary)
        known = dict(zip(alert.targets, targets, strict=False))
        record.alert = self._alert_body(action, alert) | {name: plain(one) for name, one in more.items()}
        record.src = end_body(alert.actor, actor, alert.actor_port)
        if alert.target is not None:
            record.dst = end_body(alert.target, _device_of(alert.target, known), alert.target_port)
        record.targets = [end_body(one, known.get(one)) for one in alert.targets[:LIST_LIMIT]] or UNSET
        record.network = self._network(alert) or UNSET
        record.evidence = [proof_body(one) for one in alert.proof] or UNSET
        record.packets = packets or UNSET
        if self.loss is not None:
            record.capture = {"loss": round(self.loss, 4)} | ({"shed": round(self.shed, 4)} if self.shed else {})
        return self._end(ts, record)

    def incident(
        self, action: str, incident: Incident, device: Callable[[Subject], Device | None], at: int | None = None
    ) -> Record:
        """The current state of an incident. ``device`` returns the device of an endpoint."""
        ts = incident.ts if at is None else at
        record = self._begin(ts, "incident", action, incident.severity.name, incident.summary)
        record.incident = self._incident_body(incident, device)
        record.src = end_body(incident.actors[0], device(incident.actors[0]))
        record.targets = [end_body(one, device(one)) for one in list(incident.targets)[:LIST_LIMIT]] or UNSET
        return self._end(ts, record)

    def recommendation(
        self, action: str, advice: Recommendation, at: int, device: Callable[[Subject], Device | None], closed: str = ""
    ) -> Record:
        """A recommendation as of ``at``. ``closed``: why it was closed."""
        record = self._begin(at, "recommendation", action, advice.severity.name, advice.summary)
        record.recommendation = recommendation_body(advice, self.sensor_id) | (
            {"closed": clean(closed, TEXT_LIMIT)} if closed else {}
        )
        record.src = end_body(advice.subject, device(advice.subject), advice.port)
        if advice.other is not None:
            record.dst = end_body(advice.other, device(advice.other), advice.other_port)
        record.network = (
            filled({"app": advice.app, "vlan": advice.subject.vlan, "community_id": advice.community_id}) or UNSET
        )
        record.evidence = list(advice.proof)
        return self._end(at, record)

    def sensor(
        self,
        action: str,
        ts: int,
        msg: str,
        severity: str = "info",
        *,
        capture: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> Record:
        """An event about the sensor itself: started, stopped, health, config. Empty facts are omitted, zeros in
        ``capture`` are not.
        """
        record = self._begin(ts, "sensor", action, severity, msg)
        if capture:
            record.capture = plain(capture)
        record.facts = {key: plain(value) for key, value in facts.items() if value not in (None, "", [], {})} or UNSET
        return self._end(ts, record)

    def summary(self, ts: int, msg: str, capture: Mapping[str, Any]) -> Record:
        """The summary of a run: the figures of ``capture``, zeros included."""
        return self.sensor("summary", ts, msg, capture=capture)

    def _begin(self, ts: int, kind: str, action: str, severity: str, msg: str) -> Record:
        origin = Origin(id=self.sensor_id, site=self.site or UNSET, version=self.version)
        return Record(
            ts=time_text(ts),
            kind=kind,
            action=action,
            severity=severity,
            msg=clean(msg, MSG_LIMIT),
            schema=SCHEMA,
            sensor=origin,
        )

    def _end(self, ts: int, record: Record) -> Record:
        """Limit the size and set the id, which is derived from the complete content."""
        line = encode(record)
        if len(line) > SIZE_LIMIT - SLACK:
            line = _cut(record)
        hashed = hashlib.blake2b(self._salt + ts.to_bytes(8, "big", signed=True) + line, digest_size=10)
        digest = hashed.digest()
        before = self._repeats.get(digest) or 0
        self._repeats.put(digest, before + 1)
        if before:
            hashed.update(before.to_bytes(8, "big"))
            digest = hashed.digest()
        record.id = record_id(ts, digest)
        return record

    def _alert_body(self, action: str, alert: Alert) -> Body:
        terms = risk_terms(alert)
        return filled(
            {
                "id": self.alert_id(action, alert),
                "detector": alert.detector,
                "title": short_text(alert.title),
                "key": short_text(alert.key),
                "risk": risk_of(terms),
                "risk_terms": terms,
                "confidence": round(alert.confidence, 3),
                "count": alert.count,
                "first": time_text(alert.first),
                "last": time_text(alert.ts),
                "attack": attack_body(alert.techniques),
                "why": [clean(one, TEXT_LIMIT) for one in alert.why[:WHY_LIMIT]],
                "incomplete": list(alert.incomplete),
                "numbers": {
                    short_text(key): plain(value) for key, value in list(alert.numbers.items())[:NUMBERS_LIMIT]
                },
                "advice": clean(alert.advice),
                "false_positives": clean(alert.false_positives),
                "mute": mute_command(alert),
            }
        )

    def _incident_body(self, incident: Incident, device: Callable[[Subject], Device | None]) -> Body:
        techniques = dict.fromkeys(technique for chapter in incident.story for technique in chapter.techniques)
        return filled(
            {
                "id": self.incident_id(incident),
                "key": short_text(incident.key),
                "risk": incident.risk,
                "count": incident.count,
                "first": time_text(incident.first),
                "last": time_text(incident.ts),
                "actors": [end_body(actor, device(actor)) for actor in incident.actors],
                "tactics": list(dict.fromkeys(technique.tactic for technique in techniques)),
                "attack": attack_body(tuple(techniques)),
                "story": [chapter_body(chapter) for chapter in incident.story],
                "left_out": incident.left_out,
            }
        )

    def alert_id(self, action: str, alert: Alert) -> str:
        """The alert's id, the same from open to close."""
        known = None if action == "open" else self._open.get(alert.key)
        if known is None:
            known = entity_id("alert", f"{alert.key}#{alert.first}", self.sensor_id)
            self._open.put(alert.key, known)
        return known

    def incident_id(self, incident: Incident) -> str:
        """The incident's id, the same from open to close."""
        return entity_id("incident", f"{incident.key}#{incident.first}", self.sensor_id)

    def resume(self, alert: Alert, name: str) -> None:
        """An alert of an earlier run is still open, under its id."""
        self._open.put(alert.key, name)

    def _network(self, alert: Alert) -> Body:
        network = filled({key: plain(alert.network.get(key)) for key in NETWORK_KEYS})
        if alert.target is not None and alert.actor.address and alert.target.address:
            network.setdefault("direction", self.networks.direction(alert.actor.address, alert.target.address))
        network["community_id"] = community_id_of(alert.proof[0])
        return filled(network)


def mute_command(alert: Alert) -> str:
    """The command line that mutes this finding for a week."""
    ends = [("--src", alert.actor)] + ([("--dst", alert.targets[0])] if len(alert.targets) == 1 else [])
    named = [f"{flag} {endpoint_text(end)}" for flag, end in ends if end.address or end.mac]
    return " ".join(["sensor mute add --detector", alert.detector, *named, "--for 7d"])


def _device_of(subject: Subject, known: Mapping[Subject, Device | None]) -> Device | None:
    """The device of a target, which may be listed by its address alone."""
    if subject in known or not subject.address:
        return known.get(subject)
    return next((device for other, device in known.items() if other.address == subject.address), None)


def _cut(record: Record) -> bytes:
    """Shorten by the truncation rule in this module's docstring; returns the line."""
    names = [name for name in record.__struct_fields__ if isinstance(getattr(record, name), list | dict)]
    cut: dict[str, None] = {}
    while len(line := encode(record)) > SIZE_LIMIT - SLACK:
        parts = [part for name in names for part in _parts(name, record, name)]
        lists = [part for part in parts if isinstance(part[3], list)]
        longest = max(lists or parts, key=lambda part: len(_ENCODER.encode(part[3])), default=None)
        if longest is None:
            break
        name, holder, key, value = longest
        half = value[: len(value) // 2]
        if isinstance(holder, Record):
            setattr(holder, str(key), half)
        else:
            holder[key] = half
        cut[name] = None
        record.cut = list(cut)
    return line


def _parts(name: str, holder: Any, key: str | int) -> list[tuple[str, Any, Any, Any]]:
    """(field of the record, holder, key, value) of every list of two or more items and every long text in a field."""
    value = getattr(holder, str(key)) if isinstance(holder, Record) else holder[key]
    if isinstance(value, str):
        return [(name, holder, key, value)] if len(value) > SHORTEST_CUT else []
    found = [(name, holder, key, value)] if isinstance(value, list) and len(value) > 1 else []
    if isinstance(value, dict):
        return found + [part for inner in list(value) for part in _parts(name, value, inner)]
    if isinstance(value, list):
        return found + [part for index in range(len(value)) for part in _parts(name, value, index)]
    return found
