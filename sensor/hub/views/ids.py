"""Ids of a hub: ``7.dev-vhd5c5rg472v6c`` is the object with this id at the sensor with the number 7. Two sensors may
use the same id, such as for one device that both see.
"""

from __future__ import annotations

import re
from typing import Any, LiteralString

import msgspec
from psycopg import sql

from sensor.hub.views.query import Reader
from sensor.views.errors import Ambiguous, Malformed, Unknown

SHOWN = 5
EXPECTED = "an id, its beginning, or SENSOR-NUMBER.ID"
_ID = re.compile(r"(?:([0-9]{1,18})\.)?([0-9a-z-]{1,128})")
_OBJECT = re.compile(r"(?:dev|alert|incident|rec)-[0-9a-z-]+")
_KEYS = frozenset(("id", "device", "alert"))
Key = tuple[int, str]


def parsed(text: str) -> tuple[int | None, str]:
    """Number of the sensor, None if it is not given, and the id or its beginning. Raises Malformed."""
    found = _ID.fullmatch(text)
    if found is None:
        raise Malformed("id", text[:80], EXPECTED)
    return int(found[1]) if found[1] else None, found[2]


def key_of(text: str) -> Key | None:
    """The key of a complete id of the hub; None if it is none."""
    found = _ID.fullmatch(text)
    return (int(found[1]), found[2]) if found is not None and found[1] else None


def joined(sensor: int, name: str) -> str:
    return f"{sensor}.{name}"


def resolve(reader: Reader, table: LiteralString, text: str) -> Key:
    """The row of a table (alerts, devices, incidents) with an id or its beginning. Raises Unknown, Ambiguous,
    Malformed.
    """
    sensor, start = parsed(text)
    wanted = reader.conditions("t")
    wanted.add('t.id COLLATE "C" >= %(start)s AND t.id COLLATE "C" < %(end)s', start=start, end=start + "\x7f")
    if sensor is not None:
        wanted.add("t.sensor = %(sensor)s", sensor=sensor)
    statement = sql.SQL('SELECT t.sensor, t.id FROM {} t WHERE {} ORDER BY t.id COLLATE "C", t.sensor LIMIT {}')
    found = reader.rows(statement.format(sql.Identifier(table), wanted.sql, SHOWN), wanted.values)
    exact = [row for row in found if row[1] == start]
    chosen = exact or found
    if not chosen:
        raise Unknown("id", text, [])
    if len(chosen) > 1:
        raise Ambiguous(text, [joined(*row) for row in chosen])
    return int(chosen[0][0]), str(chosen[0][1])


def record_of(text: str) -> dict[str, Any]:
    """A stored record; empty if it is not an object, or nested too deeply for this stack."""
    try:
        record = msgspec.json.decode(text)
    except RecursionError:
        return {}
    return record if isinstance(record, dict) else {}


def with_origin(text: str, sensor: int, name: str, site: str) -> dict[str, Any]:
    """A stored record with ids of the hub, and with name and site of its sensor as the hub has them."""
    try:
        body: dict[str, Any] = _qualified(record_of(text), sensor)
    except RecursionError:
        body = {}
    return body | {"sensor": {"id": name, "site": site}}


def _qualified(value: Any, sensor: int) -> Any:
    if isinstance(value, dict):
        return {key: _own(key, one, sensor) for key, one in value.items()}
    return [_qualified(one, sensor) for one in value] if isinstance(value, list) else value


def _own(key: str, value: Any, sensor: int) -> Any:
    if key in _KEYS and isinstance(value, str) and _OBJECT.fullmatch(value):
        return joined(sensor, value)
    return _qualified(value, sensor)
