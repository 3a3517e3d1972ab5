"""Parts of records: devices, endpoints, evidence and proofs as JSON objects. Unknown values are absent; every text is
cleaned and has a limited length.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from numbers import Integral, Real
from typing import Any

from sensor.core import addresses
from sensor.core.device import Device, DeviceChange
from sensor.core.device_text import product_text
from sensor.core.observation import Evidence, Subject
from sensor.core.reader import clean
from sensor.core.type_labels import type_label

TEXT_LIMIT, SHORT_TEXT_LIMIT, MSG_LIMIT = 512, 256, 512
LIST_LIMIT, FACTS_LIMIT, ITEMS_LIMIT = 64, 32, 16
SAFE_INTEGER = 1 << 53
"""Larger integers lose digits in many JSON parsers; they become text."""

Body = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Attributes that are keys of the device object; all others are in its ``attributes``.
_KEYS = ("vendor", "model", "firmware", "serial", "os", "owner", "criticality")
_APART = frozenset(("type", "tags", *_KEYS))
_PREDICATES = {
    "back": "is back",
    "merged": "was merged with an earlier device",
    "split": "is separate from the device it was assigned to",
}


@functools.lru_cache(maxsize=512)
def time_text(ts: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC with microseconds."""
    second, rest = divmod(ts, 1_000_000_000)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


@functools.lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]


def device_body(device: Device, ips: list[str] | None = None) -> Body:
    """A device as records show it. ``confidences``: confidence of each attribute; ``contested``: attributes with
    evidence against them.

    ``ips``: its addresses as text, if the caller has them already.
    """
    body: Body = {"id": device.id}
    if device.macs:
        body["macs"] = [addresses.mac_text(mac) for mac in device.macs[:LIST_LIMIT]]
    if ips := ips_of(device) if ips is None else ips:
        body["ips"] = ips
    if device.vlan:
        body["vlan"] = device.vlan
    if device.names:
        names = [short_text(name) for name in list(device.names)[:LIST_LIMIT]]
        if names[0]:
            body["hostname"] = names[0]
        if len(names) > 1:
            body["names"] = names
    body["type"] = short_text(device.type)
    _put_attributes(body, device)
    roles = (
        sorted([short_text(role) for role in device.roles if role != "randomised_mac"])[:LIST_LIMIT]
        if device.roles
        else None
    )
    if roles:
        body["roles"] = roles
    if device.services:
        body["services"] = [short_text(one) for one in device.services[:LIST_LIMIT]]
    if device.macs:
        body["randomised_mac"] = all(map(addresses.is_random_mac, device.macs))
    body["first_seen"], body["last_seen"] = time_text(device.first), time_text(device.last)
    return body


def _put_attributes(body: Body, device: Device) -> None:
    """Add the attributes, each under its key."""
    attributes = (
        dict(list(device.attributes.items())[:FACTS_LIMIT])
        if len(device.attributes) > FACTS_LIMIT
        else device.attributes
    )
    if not attributes:
        return
    for key in _KEYS:
        if key in attributes and (value := short_text(attributes[key].value)):
            body[key] = value
    if "tags" in attributes:
        body["tags"] = [short_text(tag) for tag in attributes["tags"].value.split(", ")[:LIST_LIMIT]]
    if "type" in attributes and (sure := round(attributes["type"].confidence, 3)):
        body["confidence"] = sure
    if others := {short_text(name): short_text(one.value) for name, one in attributes.items() if name not in _APART}:
        body["attributes"] = others
    body["confidences"] = {short_text(name): round(one.confidence, 3) for name, one in attributes.items()}
    if contested := [short_text(name) for name, one in attributes.items() if one.contested]:
        body["contested"] = contested


def device_sentence(change: DeviceChange, ips: list[str] | None = None) -> str:
    """One line for users: ``printer Kyocera ECOSYS M3655idn at 10.20.30.41 (PRN-3F-EAST), confidence 0.97``. ``ips`` as
    in ``device_body``.
    """
    device, action = change.device, change.action
    kind, vendor, model = device.value("type"), device.value("vendor"), device.value("model")
    who = " ".join(filter(None, (type_label(kind) if kind else "device", product_text(vendor, model))))
    if ips := ips_of(device) if ips is None else ips:
        who += f" at {ips[0]}"
    elif device.macs:
        who += f" at {addresses.mac_text(device.macs[0])}"
    if device.names and (label := next(iter(device.names))):
        who += f" ({label})"
    if action in ("new", "identified"):
        sure = f", confidence {device.attributes['type'].confidence:.2f}" if kind else ""
        sentence = f"new {who}{sure}" if action == "new" else f"{who}{sure}"
    elif action == "gone":
        sentence = f"{who} not seen since {time_text(device.last)[:19]}Z"
    elif action in _PREDICATES:
        sentence = f"{who} {_PREDICATES[action]}"
    else:
        fields = "; ".join(
            [f"{one.field} {_value(one.field, one.old)} → {_value(one.field, one.new)}" for one in change.changes]
        )
        sentence = f"{who}: {fields}" if fields else f"{who} {action}"
    return f"{sentence}: {change.note}" if change.note else sentence


def _value(field: str, value: str) -> str:
    return "unknown" if not value else type_label(value) if field == "type" else value


def claim_body(one: Evidence) -> Body:
    """One piece of evidence. ``count``, ``first`` and ``last``: how often and when it was observed."""
    return {
        "attribute": short_text(one.attribute),
        "value": short_text(one.value),
        "observation": short_text(one.kind),
        "seen": clean(one.seen, TEXT_LIMIT),
        "fingerprint": short_text(one.fingerprint),
        "family": short_text(one.family),
        "confidence": round(one.confidence, 3),
        "count": one.count,
        "first": time_text(one.first),
        "last": time_text(one.last),
    }


def end_body(subject: Subject, device: Device | None, port: int = 0) -> Body:
    """One endpoint of a finding."""
    mac, address, _ = subject
    end: Body = {}
    if address:
        end["ip"] = addresses.text(address)
    if port:
        end["port"] = port
    if mac:
        end["mac"] = addresses.mac_text(mac)
    if device is not None:
        end["device"] = device.id
        if name := short_text(next(iter(device.names), "")):
            end["hostname"] = name
        if kind := short_text(device.value("type")):
            end["type"] = kind
    return end


def ips_of(device: Device) -> list[str]:
    """Addresses as text: IPv4 first, each family by most recent use."""
    if len(device.addresses) < 2:
        return [addresses.text(address) for address in device.addresses]
    order = sorted(
        device.addresses, key=lambda address: (not addresses.is_v4(address), -device.addresses[address], address)
    )
    return [addresses.text(address) for address in order[:LIST_LIMIT]]


@functools.lru_cache(maxsize=2048)
def short_text(text: str) -> str:
    """A short text: a name, a value, a key. Cached, since most recur."""
    return clean(text, SHORT_TEXT_LIMIT)


def filled(body: Body) -> Body:
    """The object without unknown values: empty texts, lists and objects, and zeros that mean none (port, vlan,
    counters).
    """
    return {key: value for key, value in body.items() if value or value is False}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; empty if the value is no list: a foreign log may hold any type."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def plain(value: Any) -> Any:
    """A value that JSON can hold: numbers without loss of digits, clean texts, limited lists and objects of these. None
    values inside are dropped.
    """
    kind = type(value)  # the most frequent types first: testing for abstract numbers costs more than the rest together
    if kind is str:
        return clean(value, TEXT_LIMIT)
    if kind is int and -SAFE_INTEGER < value < SAFE_INTEGER:
        return value
    if value is None or kind is bool:
        return value
    if isinstance(value, Integral):
        return int(value) if -SAFE_INTEGER < int(value) < SAFE_INTEGER else str(int(value))
    if isinstance(value, Real):
        return round(float(value), 6) if abs(float(value)) < float("inf") else str(float(value))
    if isinstance(value, Mapping):
        return {short_text(str(key)): plain(one) for key, one in list(value.items())[:LIST_LIMIT] if one is not None}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(one) for one in list(value)[:LIST_LIMIT] if one is not None]
    return clean(value if isinstance(value, str | bytes) else str(value), TEXT_LIMIT)
