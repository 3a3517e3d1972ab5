"""Events of sensors as rows of the hub's tables. Columns have the same names as in the schema; texts and lists are
limited when they are encoded (``sensor.hub.copying``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sensor.hub.batch import DeviceState, Event, HubLine
from sensor.tables.lines import WORD, AlertState, IncidentPart, Names, time_ns

Row = tuple[Any, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST = re.compile(r"dev-[0-9a-z]+")
# The largest VLAN id (IEEE 802.1Q, 9.6); in a record of a peer it may be any number.
VLAN_MOST = 4095

DEVICES = (
    "sensor", "id", "site", "log", "seq", "first", "last", "gone", "merged", "name", "type", "vendor", "model", "ips",
    "macs", "confidence", "serial", "sensor_owner", "sensor_criticality", "sensor_tags", "vlan",
    "record",
)  # fmt: skip
ALERTS = (
    "sensor", "id", "site", "log", "seq", "first", "last", "closed", "severity", "risk", "count", "detector", "title",
    "summary", "src", "dst", "parties", "record",
)  # fmt: skip
CLOSED = ALERTS.index("closed")
INCIDENTS = (
    "sensor", "id", "site", "log", "seq", "first", "last", "closed", "severity", "risk", "count", "summary", "alerts",
    "record",
)  # fmt: skip


class Origin(NamedTuple):
    """The sensor and the log of an event. ``site``: of the sensor in the hub."""

    sensor: int
    site: str
    log: int


Placed = tuple[Origin, Event]


def state_rows(placed: Iterable[Placed]) -> tuple[list[Row], list[Row], list[Row]]:
    """The last states of devices, alerts and incidents that the events have: a row for each sensor and id. Devices
    include those that were merged into another.
    """
    devices, alerts, incidents = _Last(), _Last(), _Last()
    for one in placed:
        line = one[1].line
        if line.kind == "device":
            for name in _device_ids(line):
                devices.add(one, name)
        elif line.kind == "alert" and line.alert is not None:
            alerts.add(one, line.alert.id)
        elif line.kind == "incident" and line.incident is not None:
            incidents.add(one, line.incident.id)
    return devices.rows(_device_row), alerts.rows(_alert_row), incidents.rows(_incident_row)


class _Last:
    """The event with the greatest log and number for each sensor and id."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Placed] = {}

    def add(self, one: Placed, name: str) -> None:
        key = one[0].sensor, name[:WORD]
        before = self._found.get(key)
        if before is None or (before[0].log, before[1].seq) < (one[0].log, one[1].seq):
            self._found[key] = one

    def rows(self, row: Callable[[Origin, Event, str], Row]) -> list[Row]:
        return [row(*one, name) for (_, name), one in self._found.items()]


def _device_ids(line: HubLine) -> Iterator[str]:
    """The device, and the one that was merged into it."""
    if line.device is not None:
        yield line.device.id
        lost = _LOST.match(line.reason) if line.action == "merged" else None
        if lost and lost[0] != line.device.id:
            yield lost[0]


def _device_row(origin: Origin, event: Event, name: str) -> Row:
    one = event.line.device or DeviceState(name)
    lost = name != one.id[:WORD]
    return (
        *_key(origin, event, name), _time(one.first_seen, event), _time(one.last_seen, event),
        lost or event.line.action == "gone", one.id if lost else "", one.hostname, one.type or "unknown",
        one.vendor, one.model, one.ips, one.macs, one.confidence, one.serial, one.owner, one.criticality, one.tags,
        min(max(one.vlan, 0), VLAN_MOST), event.text,
    )  # fmt: skip


def _alert_row(origin: Origin, event: Event, name: str) -> Row:
    line, part = event.line, event.line.alert or AlertState(name)
    return (
        *_key(origin, event, name), _time(part.first, event), _time(part.last, event), line.action == "close",
        line.level, part.risk, part.count, part.detector, part.title, line.summary, _end(line.src), _end(line.dst),
        _parties(line), event.text,
    )  # fmt: skip


def _parties(line: HubLine) -> list[str]:
    """The names of both sides, for filters: ``s:`` (source) or ``t:`` (target) and an address, MAC, device or host name
    in lower case.
    """
    several = [("s:", line.src), ("t:", line.dst), *(("t:", end) for end in line.targets)]
    found = [role + word for role, end in several for word in (end.ip, end.mac, end.device, end.hostname) if word]
    return list(dict.fromkeys(word.casefold() for word in found))


def _incident_row(origin: Origin, event: Event, name: str) -> Row:
    line, part = event.line, event.line.incident or IncidentPart(name)
    times, closed = (_time(part.first, event), _time(part.last, event)), line.action == "close"
    alerts = list(dict.fromkeys(chapter.alert[:WORD] for chapter in part.story))
    facts = line.level, part.risk, part.count, line.summary, alerts
    return (*_key(origin, event, name), *times, closed, *facts, event.text)


def _key(origin: Origin, event: Event, name: str) -> Row:
    return origin.sensor, name, origin.site, origin.log, event.seq


def _end(end: Names) -> str:
    return end.hostname or end.ip or end.mac


def _time(text: str, event: Event) -> datetime:
    """The time in a field of an event, in most cases that of the event."""
    return event.ts if text == event.line.ts else time_of(text, event.ts)


def time_of(text: str, other: datetime) -> datetime:
    """The time in a field; ``other`` if it is empty or invalid."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns(text) // 1000) if text else other
    except (ValueError, OverflowError):
        return other


def short(text: str) -> str:
    """A value of limited length, without NUL, which PostgreSQL text cannot contain."""
    return text[:WORD].replace("\0", "")
