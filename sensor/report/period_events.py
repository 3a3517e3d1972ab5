"""Alerts, incidents and changes of a period, most severe first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sensor.core.foreign import host_of
from sensor.core.reader import clean
from sensor.core.record_parts import objects
from sensor.core.severities import SEVERITIES
from sensor.report.model import Alert, Change, Chapter, Device, Incident, Period
from sensor.report.phrases import kind
from sensor.report.proofs import Proofs
from sensor.report.story import Story

Record = Mapping[str, Any]

ALERTS_LIMIT, INCIDENTS_LIMIT, CHANGES_LIMIT, CHAPTERS_LIMIT, ENDS_SHOWN, WHY_SHOWN = 5_000, 1_000, 5_000, 64, 6, 8
TEXT_LIMIT = 1024
# The largest integer that every JSON parser keeps exactly.
MOST = 1 << 53


def alerts_of(records: Iterable[Record], period: Period, proofs: Proofs) -> tuple[list[Alert], int]:
    """Alerts active in the period, and the number of least severe ones over the limit."""
    found = [record for record in records if _within(_part(record, "alert"), period)]
    found.sort(key=lambda record: _text(_part(record, "alert").get("last")), reverse=True)
    found.sort(key=_severity_rank, reverse=True)
    return [_alert(record, proofs) for record in found[:ALERTS_LIMIT]], max(len(found) - ALERTS_LIMIT, 0)


def incidents_of(records: Iterable[Record], period: Period) -> list[Incident]:
    """Incidents active in the period."""
    found = [record for record in records if _within(_part(record, "incident"), period)]
    found.sort(key=lambda record: _text(_part(record, "incident").get("last")), reverse=True)
    found.sort(key=_severity_rank, reverse=True)
    return [_incident(record) for record in found[:INCIDENTS_LIMIT]]


def unhandled(alerts: Iterable[Alert], incidents: Iterable[Incident]) -> list[Incident]:
    """Incidents with an alert that no user closed."""
    closed = {alert.id for alert in alerts if alert.closed}
    return [one for one in incidents if not one.story or any(chapter.alert not in closed for chapter in one.story)]


def changes_of(devices: Sequence[Device], story: Story, period: Period) -> tuple[list[Change], int]:
    """Changes of devices in order of time, and the number of oldest ones over the limit."""
    fresh = {device.id for device in devices if device.first_seen >= period.since}
    # Type and model of a new device are identified one after another: that is not a change.
    changes = [
        one
        for one in story.changes
        if period.since <= one.ts <= period.until and not (one.kind == "other" and one.device in fresh)
    ]
    everything = all_new(devices, period)
    for device in devices:
        if device.id in fresh and not everything:
            changes.append(
                Change(
                    ts=device.first_seen, kind="new", device=device.id, text=f"new: {kind(device.type)} {device.text}"
                )
            )
        if device.gone and period.since <= device.last_seen <= period.until:
            changes.append(
                Change(
                    ts=device.last_seen, kind="gone", device=device.id, text=f"gone: {kind(device.type)} {device.text}"
                )
            )
    changes.sort(key=lambda change: (change.ts, change.device, change.kind))
    return changes[-CHANGES_LIMIT:], max(len(changes) - CHANGES_LIMIT, 0)


def all_new(devices: Iterable[Device], period: Period) -> bool:
    """Whether the sensor is new to the network: the inventory then replaces the list of new devices."""
    present = [device.first_seen >= period.since for device in devices if not device.gone]
    return bool(present) and all(present)


def _alert(record: Record, proofs: Proofs) -> Alert:
    alert, src = _part(record, "alert"), _part(record, "src")
    ends: list[Record] = [*objects(record.get("targets"))] or [end for end in (_part(record, "dst"),) if end]
    packets = _text(_part(record, "packets").get("file"))
    return Alert(
        id=_text(alert.get("id")),
        detector=_text(alert.get("detector")),
        title=_text(alert.get("title")),
        severity=_severity(record),
        text=_text(record.get("msg")),
        first=_text(alert.get("first")),
        last=_text(alert.get("last")),
        closed=_closed(_part(alert, "closed")),
        over=record.get("action") == "close",
        count=_count(alert.get("count")) or 1,
        risk=_count(alert.get("risk")),
        actor=_end(src),
        actor_device=_text(src.get("device")),
        ends=[_end(end) for end in ends[:ENDS_SHOWN]],
        end_devices=list(dict.fromkeys(filter(None, (_text(end.get("device")) for end in ends)))),
        more_ends=max(len(ends) - ENDS_SHOWN, 0),
        why=_texts(alert.get("why"))[:WHY_SHOWN],
        advice=_text(alert.get("advice")),
        techniques=[
            " ".join(filter(None, (_text(one.get("technique")), _text(one.get("name")))))
            for one in objects(alert.get("attack"))
        ],
        packets=packets,
        proofs=list(
            dict.fromkeys(filter(None, (proofs.of_alert(one, packets) for one in objects(record.get("evidence")))))
        ),
    )


def _incident(record: Record) -> Incident:
    incident = _part(record, "incident")
    story = [
        Chapter(
            ts=_text(one.get("ts")), alert=_text(one.get("alert")), severity=_severity(one), text=_text(one.get("msg"))
        )
        for one in objects(incident.get("story"))
    ]
    return Incident(
        id=_text(incident.get("id")),
        severity=_severity(record),
        text=_text(record.get("msg")),
        first=_text(incident.get("first")),
        last=_text(incident.get("last")),
        over=record.get("action") == "close",
        risk=_count(incident.get("risk")),
        actors=[_end(one) for one in objects(incident.get("actors"))[:ENDS_SHOWN]],
        story=story[:CHAPTERS_LIMIT],
        left_out=_count(incident.get("left_out")) + max(len(story) - CHAPTERS_LIMIT, 0),
    )


def _closed(by: Record) -> str:
    """Who closed it, and why; empty if it ended by itself."""
    return ": ".join(filter(None, (_text(by.get("by")), _text(by.get("reason")))))


def _within(about: Record, period: Period) -> bool:
    """Whether it was active in the period."""
    first, last = _text(about.get("first")), _text(about.get("last"))
    return bool(first and last) and first <= period.until and last >= period.since


def _severity_rank(record: Record) -> int:
    return SEVERITIES.index(_severity(record))


def _severity(record: Record) -> str:
    severity = record.get("severity")
    return severity if isinstance(severity, str) and severity in SEVERITIES else SEVERITIES[0]


def _end(end: Record) -> str:
    """Address and name."""
    place, name = _text(host_of(end)), _text(end.get("hostname"))
    return f"{place} ({name})" if place and name else place or name


def _part(record: Record, name: str) -> Record:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return min(max(value, 0), MOST) if isinstance(value, int) and not isinstance(value, bool) else 0


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return clean(value, TEXT_LIMIT) if isinstance(value, str) else ""
