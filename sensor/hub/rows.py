"""Events of sensors as rows of the hub's tables. Columns have the same names as in the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sensor.hub.batch import DeviceState, Event, HubLine
from sensor.tables.lines import WORD, AlertPart, End, IncidentPart, time_ns

Row = tuple[Any, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST = re.compile(r"dev-[0-9a-z]+")
LISTED = 64

EVENTS = ("ts", "sensor", "log", "seq", "id", "site", "kind", "action", "severity", "about", "record")
DEVICES = (
    "sensor", "id", "site", "log", "seq", "first", "last", "gone", "merged", "name", "type", "vendor", "model", "ips",
    "macs", "confidence", "serial", "record",
)  # fmt: skip
ALERTS = (
    "sensor", "id", "site", "log", "seq", "first", "last", "closed", "severity", "risk", "count", "detector", "title",
    "summary", "src", "dst", "parties", "record",
)  # fmt: skip
INCIDENTS = (
    "sensor", "id", "site", "log", "seq", "first", "last", "closed", "severity", "risk", "count", "summary", "record",
)  # fmt: skip


class Origin(NamedTuple):
    """The sensor and the log of an event. ``site``: of the sensor in the hub."""

    sensor: int
    site: str
    log: int


Placed = tuple[Origin, Event]


def event_row(origin: Origin, event: Event) -> Row:
    line = event.line
    part = line.alert or line.incident or line.recommendation or line.device
    texts = (line.id, origin.site, line.kind, line.action)
    about = short(part.id) if part is not None else ""
    return (event.ts, origin.sensor, origin.log, event.seq, *map(short, texts), line.level, about, event.text)


def device_rows(placed: Iterable[Placed]) -> list[Row]:
    """The last state of each device, including devices that were merged into another."""
    return _last(placed, "device", _device_ids, _device_row)


def alert_rows(placed: Iterable[Placed]) -> list[Row]:
    return _last(placed, "alert", lambda event: [event.line.alert.id] if event.line.alert else [], _alert_row)


def incident_rows(placed: Iterable[Placed]) -> list[Row]:
    return _last(
        placed, "incident", lambda event: [event.line.incident.id] if event.line.incident else [], _incident_row
    )


def _last(
    placed: Iterable[Placed], kind: str, ids: Callable[[Event], Iterable[str]], row: Callable[[Origin, Event, str], Row]
) -> list[Row]:
    """A row for each sensor and id, from the event with the greatest log and number."""
    found: dict[tuple[int, str], Placed] = {}
    for origin, event in placed:
        if event.line.kind == kind:
            for name in ids(event):
                key = origin.sensor, short(name)
                before = found.get(key)
                if before is None or (before[0].log, before[1].seq) < (origin.log, event.seq):
                    found[key] = origin, event
    return [row(*each, name) for (_, name), each in found.items()]


def _device_ids(event: Event) -> Iterator[str]:
    """The device, and the one that was merged into it."""
    one = event.line.device
    if one is not None:
        yield one.id
        lost = _LOST.match(event.line.reason) if event.line.action == "merged" else None
        if lost and lost[0] != one.id:
            yield lost[0]


def _device_row(origin: Origin, event: Event, name: str) -> Row:
    one = event.line.device or DeviceState(name)
    lost = name != short(one.id)
    times = time_of(one.first_seen, event.ts), time_of(one.last_seen, event.ts)
    states = (lost or event.line.action == "gone", short(one.id) if lost else "")
    cells = (one.hostname, one.type or "unknown", one.vendor, one.model)
    lists = [short(ip) for ip in one.ips[:LISTED]], [short(mac) for mac in one.macs[:LISTED]]
    rest = (*map(short, cells), *lists, one.confidence, short(one.serial), event.text)
    return (*_key(origin, event, name), *times, *states, *rest)


def _alert_row(origin: Origin, event: Event, name: str) -> Row:
    line, part = event.line, event.line.alert or AlertPart(name)
    times = time_of(part.first, event.ts), time_of(part.last, event.ts)
    numbers = (line.action == "close", line.level, part.risk, part.count)
    cells = (part.detector, part.title, line.summary, _end(line.src), _end(line.dst))
    return (*_key(origin, event, name), *times, *numbers, *map(_text, cells), _parties(line), event.text)


def _parties(line: HubLine) -> list[str]:
    """The names of both sides, for filters: ``s:`` (source) or ``t:`` (target) and an address, MAC, device or host name
    in lower case.
    """
    several = [("s:", line.src), ("t:", line.dst), *(("t:", end) for end in line.targets)]
    found = [role + word for role, end in several for word in (end.ip, end.mac, end.device, end.hostname) if word]
    return [short(word.casefold()) for word in dict.fromkeys(found)][:LISTED]


def _incident_row(origin: Origin, event: Event, name: str) -> Row:
    line, part = event.line, event.line.incident or IncidentPart(name)
    times = time_of(part.first, event.ts), time_of(part.last, event.ts)
    numbers = (line.action == "close", line.level, part.risk, part.count)
    return (*_key(origin, event, name), *times, *numbers, _text(line.summary), event.text)


def _key(origin: Origin, event: Event, name: str) -> Row:
    return origin.sensor, name, origin.site, origin.log, event.seq


def _end(end: End) -> str:
    return end.hostname or end.ip or end.mac


def time_of(text: str, other: datetime) -> datetime:
    """The time in a field; ``other`` if it is empty or invalid."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns(text) // 1000) if text else other
    except (ValueError, OverflowError):
        return other


def short(text: str) -> str:
    """A value of limited length, without NUL, which PostgreSQL text cannot contain."""
    return text[:WORD].replace("\0", "")


def _text(text: str) -> str:
    """A text of any length, without NUL."""
    return text.replace("\0", "")
