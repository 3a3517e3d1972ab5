"""Events of sensors as rows of the hub's tables. Columns have the same names as in the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sensor.hub.batch import Event
from sensor.tables.lines import WORD, End, time_ns

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
    "summary", "src", "dst", "record",
)  # fmt: skip
INCIDENTS = (
    "sensor", "id", "site", "log", "seq", "first", "last", "closed", "severity", "risk", "count", "summary", "record",
)  # fmt: skip


class Origin(NamedTuple):
    """Which log of which sensor an event belongs to. ``site``: of the sensor in the hub."""

    sensor: int
    site: str
    log: int


Placed = tuple[Origin, Event]


def event_row(origin: Origin, event: Event) -> Row:
    line = event.line
    part = line.alert or line.incident or line.recommendation or line.device
    texts = (line.id, origin.site, line.kind, line.action)
    about = _word(part.id) if part is not None else ""
    return (event.ts, origin.sensor, origin.log, event.seq, *map(_word, texts), line.level, about, event.text)


def device_rows(placed: Iterable[Placed]) -> list[Row]:
    """The last state of each device, those that became one with another included."""
    return _last(placed, "device", _device_rows)


def alert_rows(placed: Iterable[Placed]) -> list[Row]:
    return _last(placed, "alert", _alert_rows)


def incident_rows(placed: Iterable[Placed]) -> list[Row]:
    return _last(placed, "incident", _incident_rows)


def _last(placed: Iterable[Placed], kind: str, rows: Callable[[Origin, Event], Iterator[Row]]) -> list[Row]:
    """For each sensor and id the row of the greatest log and number."""
    found: dict[tuple[int, str], Row] = {}
    for origin, event in placed:
        if event.line.kind == kind:
            for row in rows(origin, event):
                before = found.get(row[:2])
                if before is None or before[3:5] < row[3:5]:
                    found[row[:2]] = row
    return list(found.values())


def _device_rows(origin: Origin, event: Event) -> Iterator[Row]:
    one, gone = event.line.device, event.line.action == "gone"
    if one is None:
        return
    times = time_of(one.first_seen, event.ts), time_of(one.last_seen, event.ts)
    words = (one.hostname, one.type or "unknown", one.vendor, one.model)
    lists = [_word(ip) for ip in one.ips[:LISTED]], [_word(mac) for mac in one.macs[:LISTED]]
    rest = (*map(_word, words), *lists, one.confidence, _word(one.serial), event.text)
    yield (*_key(origin, event, one.id), *times, gone, "", *rest)
    lost = _LOST.match(event.line.reason) if event.line.action == "merged" else None
    if lost and lost[0] != one.id:
        yield (*_key(origin, event, lost[0]), *times, True, _word(one.id), *rest)


def _alert_rows(origin: Origin, event: Event) -> Iterator[Row]:
    line, part = event.line, event.line.alert
    if part is not None:
        times = time_of(part.first, event.ts), time_of(part.last, event.ts)
        numbers = (line.action == "close", line.level, part.risk, part.count)
        words = (part.detector, part.title, line.summary, _end(line.src), _end(line.dst))
        yield (*_key(origin, event, part.id), *times, *numbers, *map(_text, words), event.text)


def _incident_rows(origin: Origin, event: Event) -> Iterator[Row]:
    line, part = event.line, event.line.incident
    if part is not None:
        times = time_of(part.first, event.ts), time_of(part.last, event.ts)
        numbers = (line.action == "close", line.level, part.risk, part.count)
        yield (*_key(origin, event, part.id), *times, *numbers, _text(line.summary), event.text)


def _key(origin: Origin, event: Event, name: str) -> Row:
    return origin.sensor, _word(name), origin.site, origin.log, event.seq


def _end(end: End) -> str:
    return end.hostname or end.ip or end.mac


def time_of(text: str, other: datetime) -> datetime:
    """The time of a record's field; ``other`` where it is empty or none."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns(text) // 1000) if text else other
    except (ValueError, OverflowError):
        return other


def _word(text: str) -> str:
    return text[:WORD].replace("\0", "")


def _text(text: str) -> str:
    """PostgreSQL has no NUL in texts."""
    return text.replace("\0", "")
