"""Operator values: attributes of a device that operators set. They override every observation, and stay until removed.

They are kept by the key of a device (``mac:…``, ``ip:…``), so that one for a device not seen yet waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sensor.core.device import TYPES, Attribute, Device
from sensor.core.observation import Evidence
from sensor.core.reader import clean
from sensor.core.record_parts import SHORT_TEXT_LIMIT, Body

# The fingerprint, and the family, of operator values.
OPERATOR = "operator"
SURE = 1.0
CRITICALITIES = ("low", "medium", "high", "critical")
# Fields that can be set; those that are also observed come first.
FIELDS = (
    "type",
    "vendor",
    "model",
    "firmware",
    "serial",
    "os",
    "name",
    "owner",
    "criticality",
    "location",
    "note",
    "tags",
)
# Fields that are keys of a device in records; the others stand in its ``attributes``.
_KEYS = frozenset(("vendor", "model", "firmware", "serial", "os", "owner", "criticality"))


class Correction(msgspec.Struct, frozen=True):
    """One operator value: device, field, value, author, time (ns) and reason. ``number`` counts all operator entries of
    a store.
    """

    key: str
    field: str
    value: str
    author: str = ""
    ts: int = 0
    reason: str = ""
    number: int = 0


class Order(msgspec.Struct, frozen=True):
    """Something to be done to devices. ``action``: ``merge`` (``other`` is the key that ends), ``split`` (``other`` is
    the key of the MAC or address that leaves) or ``undo`` of a merger of these two; ``before``: both as they were,
    where it is known. ``forget``: nothing was learned of the device (``*``: of any), or of the service ``other`` of it.
    ``purge``: the device, whose id is ``other``, never was here.
    """

    number: int
    action: str
    key: str
    other: str
    reason: str = ""
    before: Any = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of an order; ``fault`` is empty where it was done."""

    order: Order
    fault: str = ""


Corrections = Mapping[str, Correction]


def checked(field: str, value: str) -> str:
    """The value as it is kept. ValueError, worded for people, where the field is none or cannot have it."""
    if field not in FIELDS:
        raise ValueError(f"found the field {field!r}, expected one of {', '.join(FIELDS)}")
    value = clean(value, SHORT_TEXT_LIMIT).strip()
    if field == "type":
        value = value.lower().replace("-", "_").replace(" ", "_")
        _among(field, value, TYPES)
    elif field == "criticality":
        value = value.lower()
        _among(field, value, CRITICALITIES)
    elif field == "tags":
        value = joined(value.split(","))
    return value


def _among(field: str, value: str, choices: tuple[str, ...] | list[str]) -> None:
    if value and value not in choices:
        raise ValueError(f"found {value!r} for {field}, expected one of {', '.join(choices)}")


def joined(tags: list[str]) -> str:
    """Tags as one text: each once, in order."""
    return ", ".join(sorted({tag.strip() for tag in tags if tag.strip()}))


def evidence_of(correction: Correction) -> Evidence:
    """The word as evidence beside that of packets."""
    seen = correction.reason or "set by the operator"
    return Evidence(
        correction.field,
        correction.value,
        SURE,
        OPERATOR,
        OPERATOR,
        f"{OPERATOR}.{correction.author or 'somebody'}",
        seen,
        correction.ts,
        correction.ts,
    )


def onto(device: Device, corrections: Corrections) -> None:
    """Apply operator values over observations; the observations stay as evidence."""
    attributes = dict(device.attributes)
    for field, correction in corrections.items():
        if field == "name":
            device.names = {
                correction.value: correction.ts,
                **{name: ts for name, ts in device.names.items() if name != correction.value},
            }
            continue
        known = attributes.get(field)
        attributes[field] = Attribute(
            field, correction.value, SURE, (evidence_of(correction), *(known.evidence if known else ()))
        )
    device.attributes = dict(sorted(attributes.items()))


def onto_body(body: Body, corrections: Corrections) -> Body:
    """The same for a device as records show it."""
    if not corrections:
        return body
    body = dict(body)
    attributes, confidences = dict(body.get("attributes") or {}), dict(body.get("confidences") or {})
    contested = [name for name in body.get("contested") or () if name not in corrections]
    for field, correction in corrections.items():
        confidences[field] = SURE
        if field == "name":
            names = [
                correction.value,
                *(name for name in body.get("names") or [body.get("hostname")] if name and name != correction.value),
            ]
            body["hostname"] = correction.value
            body |= {"names": names} if len(names) > 1 else {}
            del confidences[field]
        elif field == "tags":
            body["tags"] = correction.value.split(", ")
        elif field == "type":
            body["type"], body["confidence"] = correction.value, SURE
        else:
            (body if field in _KEYS else attributes)[field] = correction.value
    body |= {"confidences": confidences, "attributes": attributes, "contested": contested}
    return {
        name: value for name, value in body.items() if value or name not in ("confidences", "attributes", "contested")
    }


CorrectionsOf = Callable[[str], Corrections | None]
