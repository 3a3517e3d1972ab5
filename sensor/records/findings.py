"""Alerts made from traffic records: from rows of a hunt, and from past contacts with new entries of threat lists."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES, Technique
from sensor.core.observation import Subject
from sensor.core.reader import clean
from sensor.core.stored import Stored
from sensor.records.hunts_library import Hunt
from sensor.records.query import Query

CONFIDENCE = 0.7
TEXT_LIMIT, COLUMNS_LIMIT = 256, 16
ADVICE = "Run `sensor hunt run {name}` for all rows, and `sensor search {actor}` for its other activity."
Row = Mapping[str, Any]
Devices = Mapping[str, Subject]


def alerts_of(name: str, hunt: Hunt, rows: Sequence[Row], devices: Devices, now: int) -> Iterator[Alert]:
    """One alert per actor and target in the rows; rows without an actor give none. ``now``: ns. The times of alerts
    differ by a nanosecond, in the order of the rows.
    """
    if hunt.entities is None:
        return
    raised = set[tuple[Subject, Subject | None]]()
    for row in rows:
        actor, target = (subject_of(row.get(column), devices) for column in (hunt.entities.actor, hunt.entities.target))
        if actor is not None and (actor, target) not in raised:
            raised.add((actor, target))
            yield _alert(name, hunt, row, (actor, target), now + len(raised) - 1)


def _alert(name: str, hunt: Hunt, row: Row, ends: tuple[Subject, Subject | None], now: int) -> Alert:
    actor, target = ends
    techniques = techniques_of(hunt.techniques)
    detector = f"{techniques[0].tactic.replace('-', '_')}.hunt_{name}" if techniques else f"hunt.{name}"
    values = {column: value for column, value in list(row.items())[:COLUMNS_LIMIT] if value is not None}
    happened = moment_ns(row.get(hunt.entities.time)) if hunt.entities is not None and hunt.entities.time else 0
    found = row.get(hunt.entities.port) if hunt.entities is not None and hunt.entities.port else 0
    port = found if isinstance(found, int) else 0
    who = text_of(actor) + (f" and {text_of(target)}" if target is not None else "")
    facts = tuple((column, _fact(value)) for column, value in values.items())
    return Alert(
        ts=now,
        detector=detector,
        title=hunt.title,
        severity=Severity[hunt.severity],
        confidence=CONFIDENCE,
        techniques=techniques,
        actor=actor,
        summary=f"{hunt.title}: {who}",
        why=tuple(f"{column}: {value}" for column, value in facts),
        numbers=_numbers(values),
        advice=ADVICE.format(name=name, actor=text_of(actor)),
        false_positives=hunt.description,
        key=key_of(detector, actor, target),
        target=target,
        targets=(target,) if target is not None else (),
        target_port=port,
        proof=(Stored(happened or now, "hunt", actor, target or Subject(0), server_port=port, facts=facts),),
        first=happened,
        usual=None,
    )


def _numbers(values: Row) -> dict[str, int | float | str]:
    """The numeric values."""
    return {
        column: value
        for column, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def key_of(detector: str, actor: Subject, target: Subject | None) -> str:
    """A key shared by repeats of a finding."""
    return "|".join((detector, text_of(actor), text_of(target) if target is not None else ""))


def techniques_of(ids: Iterable[str]) -> tuple[Technique, ...]:
    """The techniques that the sensor knows by name."""
    return tuple(TECHNIQUES[one] for one in ids if one in TECHNIQUES)


def subject_of(value: object, devices: Devices) -> Subject | None:
    """The endpoint that a column refers to: an address, a MAC, or a device id; None for other values."""
    if not isinstance(value, str) or not value:
        return None
    if value in devices:
        return devices[value]
    try:
        return Subject(0, addresses.parse(str(ipaddress.ip_address(value))))
    except ValueError:
        pass
    try:
        return Subject(addresses.parse_mac(value))
    except ValueError:
        return None


def text_of(subject: Subject) -> str:
    """The endpoint's address, else its MAC."""
    return addresses.text(subject.address) if subject.address else addresses.mac_text(subject.mac)


def devices_of(query: Query, ids: Iterable[str]) -> dict[str, Subject]:
    """The first address and MAC of each device, by id."""
    some = sorted({one for one in ids if one.startswith("dev-")})
    if not some:
        return {}
    marks = ", ".join("?" * len(some))
    found = query.run(f"SELECT device, ips[1], macs[1] FROM device WHERE device IN ({marks})", some, len(some))
    return {
        device: Subject(addresses.parse_mac(mac) if mac else 0, addresses.parse(ip) if ip else 0)
        for device, ip, mac in found.rows
        if ip or mac
    }


def moment_ns(value: object) -> int:
    """A time in an answer as ns since the epoch; 0 if it is invalid."""
    try:
        return int(datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp() * 1e6) * 1000
    except ValueError:
        return 0


def _fact(value: Any) -> str | int | float:
    return value if isinstance(value, int | float) else clean(str(value), TEXT_LIMIT)
