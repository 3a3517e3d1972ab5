"""The response to an incident: that to each kind of alert in it, the most severe first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.core.severities import SEVERITIES
from sensor.views.errors import ViewError

if TYPE_CHECKING:
    from sensor.views.alerts import AlertDetails

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


def stored(alert: Callable[[str], AlertDetails]) -> Callable[[str], Record]:
    """``alert_of`` from a function that raises ViewError for unknown alerts."""

    def alert_of(name: str) -> Record:
        try:
            return alert(name).alert.record
        except ViewError:
            return {}

    return alert_of


def _rank(step: Record) -> int:
    word = step.get("severity")
    return SEVERITIES.index(word) if word in SEVERITIES else 0
