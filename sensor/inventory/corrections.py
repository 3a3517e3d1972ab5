"""Operator values: attributes of a device that operators set. They override every observation, and stay until removed.

They are stored by device key (``mac:…``, ``ip:…``), so that they can be set before the device is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sensor.core.device import TYPES, Attribute, Device
from sensor.core.foreign import part, texts
from sensor.core.observation import Evidence
from sensor.core.reader import clean
from sensor.core.record_parts import SHORT_TEXT_LIMIT, Body

# Fingerprint and family of operator values.
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
# Fields that are keys of a device in records; the others are in its ``attributes``.
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
    """An operation on devices that the operator ordered. ``action``: ``merge`` (``other`` is the key of the device that
    ends), ``split`` (``other`` is the key of the MAC or address to split off) or ``undo`` of a merger of these two;
    ``before``: both devices before the merger, if known. ``forget``: discard what was learned of the device (``*``: of
    all), or of its service ``other``. ``purge``: remove all traces of the device, whose id is ``other``.
    """

    number: int
    action: str
    key: str
    other: str
    reason: str = ""
    before: Any = None


class OrderResult(msgspec.Struct, frozen=True):
    """The result of an order; ``fault`` is empty if it succeeded."""

    order: Order
    fault: str = ""


Corrections = Mapping[str, Correction]


def checked(field: str, value: str) -> str:
    """The normalized value. Raises ValueError, with a message for users, if there is no such field or the value is
    invalid.
    """
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
        from difflib import get_close_matches  # rarely needed

        near = get_close_matches(value, choices, 1, 0.75)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(choices)}"
        raise ValueError(f"found {value!r} for {field}, {hint}")


def joined(tags: list[str]) -> str:
    """Tags as one text: each once, sorted."""
    return ", ".join(sorted({tag.strip() for tag in tags if tag.strip()}))


def evidence_of(correction: Correction) -> Evidence:
    """An operator value as evidence, in addition to that of packets."""
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
    """Apply operator values to a device object of a record."""
    if not corrections:
        return body
    body = dict(body)
    attributes, confidences = dict(part(body, "attributes")), dict(part(body, "confidences"))
    contested = [name for name in texts(body.get("contested")) if name not in corrections]
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
