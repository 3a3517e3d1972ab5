"""The steps of an incident: who attacked whom, with which techniques, in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sensor.core.foreign import host_of, part, tidy
from sensor.core.record_parts import objects

Record = dict[str, Any]


class StepHost(msgspec.Struct, frozen=True):
    """``id``: of the device, otherwise the address, or the MAC; ``device``: empty without one."""

    id: str
    name: str
    address: str
    device: str


class IncidentStep(msgspec.Struct, frozen=True):
    """One alert of an incident. ``ts``: time, RFC 3339; ``known``: whether its alert is stored: otherwise actor,
    targets and techniques are unknown; ``techniques``: id and name of each.
    """

    number: int
    ts: str
    alert: str
    severity: str
    detector: str
    summary: str
    known: bool
    actor: StepHost | None
    targets: list[StepHost]
    techniques: list[str]


def incident_steps(incident: Record, alert_of: Callable[[str], Record]) -> list[IncidentStep]:
    """The steps of an incident's record. ``alert_of``: the record of an alert by its id, empty if it is unknown."""
    story = objects(part(incident, "incident").get("story"))
    alerts = [alert_of(str(step.get("alert") or "")) for step in story]
    ends = [end for alert in alerts for end in (part(alert, "src"), *_targets(alert))]
    ends += objects(part(incident, "incident").get("actors"))
    devices = {end["ip"]: end for end in ends if end.get("device") and end.get("ip")}
    return [
        _step(number, step, alert, devices) for number, (step, alert) in enumerate(zip(story, alerts, strict=True), 1)
    ]


def _step(number: int, step: Record, alert: Record, devices: dict[str, Record]) -> IncidentStep:
    attack = objects(part(alert, "alert").get("attack"))
    ts, name, severity, detector, summary = (
        tidy(step.get(one)) for one in ("ts", "alert", "severity", "detector", "msg")
    )
    return IncidentStep(
        number, ts, name, severity, detector, summary, bool(alert),
        next(iter(_hosts([part(alert, "src")], devices)), None), _hosts(_targets(alert), devices),
        [f"{tidy(one.get('technique'))} {tidy(one.get('name'))}" for one in attack],
    )  # fmt: skip


def _targets(alert: Record) -> list[Record]:
    return objects(alert.get("targets")) or [part(alert, "dst")]


def _hosts(ends: Iterable[Record], devices: dict[str, Record]) -> list[StepHost]:
    """Each host once. An address that is known as a device's in another step is this device."""
    found: dict[str, StepHost] = {}
    for end in ends:
        if place := tidy(host_of(end)):
            known = end if end.get("device") else devices.get(place, end)
            device = tidy(known.get("device"))
            found.setdefault(device or place, StepHost(device or place, tidy(known.get("hostname")), place, device))
    return list(found.values())
