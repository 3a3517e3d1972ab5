"""The response to an incident: that to each kind of alert in it, the most severe first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.core.severities import SEVERITIES

Record = dict[str, Any]


class Response(NamedTuple):
    """What to do about one kind of alerts. ``alert``: id of the most severe one."""

    alert: str
    severity: str
    title: str
    advice: str


def responses(incident: Record, alert_of: Callable[[str], Record]) -> list[Response]:
    """The responses to an incident's record. ``alert_of``: the record of an alert by its id, empty if it is unknown."""
    worst: dict[str, Record] = {}
    for step in sorted(objects(part(incident, "incident").get("story")), key=_rank, reverse=True):
        worst.setdefault(str(step.get("detector")), step)
    found = []
    for step in worst.values():
        name = str(step.get("alert") or "")
        alert = part(alert_of(name), "alert")
        if alert.get("advice"):
            title = str(alert.get("title") or step.get("detector"))
            found.append(Response(name, str(step.get("severity") or ""), title, str(alert["advice"])))
    return found


def stored(records: Callable[[Iterable[str]], Mapping[str, Record]], incident: Record) -> Callable[[str], Record]:
    """``alert_of`` for an incident's record, after one search for all of its alerts. ``records``: by ids of alerts."""
    story = objects(part(incident, "incident").get("story"))
    found = records(dict.fromkeys(str(step.get("alert") or "") for step in story))
    return lambda name: found.get(name, {})


def _rank(step: Record) -> int:
    word = step.get("severity")
    return SEVERITIES.index(word) if word in SEVERITIES else 0
