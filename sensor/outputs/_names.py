"""Names at a destination (a stream, a routing key) that are made of a record: a text with places such as
``sensor.{kind}.{severity}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sensor.core.reader import clean
from sensor.documents import nearest

PLACES = ("action", "detector", "device", "kind", "sensor", "severity", "site", "type")
NOTHING = "none"
NAME_LIMIT = 128

_PLACE = re.compile(r"\{([^{}]*)\}")
_ODD = re.compile(r"[^\w.-]")


def known(template: str) -> str:
    """The text itself. ValueError that names a place which is none."""
    for place in _PLACE.findall(template):
        if place not in PLACES:
            raise ValueError(f"found the place {{{place}}}, {nearest(place, PLACES)}")
    return template


def named(template: str, record: Mapping[str, Any]) -> str:
    """The text with what the record has at its places; ``none`` for what it has not, ``_`` for what no name should hold
    (``*``, ``#``, ``/``).
    """
    if "{" not in template:
        return template
    return _PLACE.sub(lambda found: _ODD.sub("_", clean(_value(found[1], record), NAME_LIMIT)) or NOTHING, template)


def anywhere(template: str, wildcard: str) -> str:
    """The text with a wildcard at its places: all the names that records can give it."""
    return _PLACE.sub(wildcard, template)


def part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object of a record; an empty one where it has none, or a hash in its place."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def device_of(record: Mapping[str, Any]) -> str:
    """The device that a record is about: itself, or the source of an alert; empty where there is none."""
    return str(part(record, "device").get("id") or part(record, "src").get("device") or "")


def _value(place: str, record: Mapping[str, Any]) -> str:
    if place in ("kind", "action", "severity"):
        return str(record.get(place, ""))
    if place == "device":
        return device_of(record)
    if place == "detector":
        return str(part(record, "alert").get("detector", ""))
    if place == "type":
        return str((part(record, "device") or part(record, "src")).get("type", ""))
    return str(part(record, "sensor").get("id" if place == "sensor" else "site", ""))
