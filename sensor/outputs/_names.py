"""Names at a destination (a stream, a routing key) from a template with placeholders such as
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
    """The template itself. Raises ValueError that names an unknown placeholder."""
    for place in _PLACE.findall(template):
        if place not in PLACES:
            raise ValueError(f"found the place {{{place}}}, {nearest(place, PLACES)}")
    return template


def named(template: str, record: Mapping[str, Any]) -> str:
    """The template filled from a record; ``none`` for missing values, ``_`` for characters that names must not have
    (``*``, ``#``, ``/``).
    """
    if "{" not in template:
        return template
    return _PLACE.sub(lambda found: _ODD.sub("_", clean(_value(found[1], record), NAME_LIMIT)) or NOTHING, template)


def anywhere(template: str, wildcard: str) -> str:
    """The template with a wildcard for each placeholder: matches all names that records can produce."""
    return _PLACE.sub(wildcard, template)


def part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in a record; empty if it is absent or a hash."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def device_of(record: Mapping[str, Any]) -> str:
    """The device of a record, or the source of an alert; empty if there is none."""
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
