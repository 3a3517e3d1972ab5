"""Shared by all formats: the subject of a record, both ends, times in milliseconds, techniques, and truncated texts."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sensor.core.attack import TECHNIQUES
from sensor.core.reader import clean
from sensor.core.record import SIZE_LIMIT, Record

__all__ = [
    "PRODUCT",
    "SIZE_LIMIT",
    "TACTICS",
    "VENDOR",
    "Body",
    "View",
    "as_body",
    "joined",
    "milliseconds",
    "one_line",
    "techniques",
    "view",
]

Body = dict[str, Any]

VENDOR, PRODUCT = "Passive Network Sensor", "sensor"

# Tactics of ATT&CK (Enterprise, and those that only ICS has) by their dashed name, as published by MITRE.
TACTICS = {
    "reconnaissance": ("TA0043", "Reconnaissance"),
    "resource-development": ("TA0042", "Resource Development"),
    "initial-access": ("TA0001", "Initial Access"),
    "execution": ("TA0002", "Execution"),
    "persistence": ("TA0003", "Persistence"),
    "privilege-escalation": ("TA0004", "Privilege Escalation"),
    "defense-evasion": ("TA0005", "Defense Evasion"),
    "credential-access": ("TA0006", "Credential Access"),
    "discovery": ("TA0007", "Discovery"),
    "lateral-movement": ("TA0008", "Lateral Movement"),
    "collection": ("TA0009", "Collection"),
    "exfiltration": ("TA0010", "Exfiltration"),
    "command-and-control": ("TA0011", "Command and Control"),
    "impact": ("TA0040", "Impact"),
    "impair-process-control": ("TA0106", "Impair Process Control"),
    "inhibit-response-function": ("TA0107", "Inhibit Response Function"),
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class View(msgspec.Struct):
    """A record as formats need it. ``code``: the detector, or kind and action; ``about``: the device, alert or
    incident, empty for the sensor; ``src`` of a device's record is the device.
    """

    record: Body
    kind: str
    action: str
    severity: str
    code: str
    title: str
    about: Body
    src: Body
    dst: Body
    network: Body
    sensor: Body


def as_body(record: Body | Record) -> Body:
    """The record as a plain object, which records of the event log already are."""
    if isinstance(record, Record):
        made: Body = msgspec.to_builtins(record)
        return made
    return record


def view(record: Body | Record) -> View:
    body = as_body(record)
    kind, action = body["kind"], body["action"]
    about = body.get(kind, {}) if kind != "sensor" else {}
    src = _end_of_device(about) if kind == "device" else body.get("src", {})
    code = about.get("detector") or f"{kind}.{action}"
    title = about.get("title") or f"{kind.capitalize()} {action.replace('_', ' ')}"
    return View(
        body,
        kind,
        action,
        body["severity"],
        code,
        title,
        about,
        src,
        body.get("dst", {}),
        body.get("network", {}),
        body["sensor"],
    )


def _end_of_device(device: Body) -> Body:
    end = {"device": device.get("id"), "hostname": device.get("hostname"), "type": device.get("type")}
    end["ip"], end["mac"] = next(iter(device.get("ips", ())), None), next(iter(device.get("macs", ())), None)
    return {key: value for key, value in end.items() if value}


@functools.lru_cache(maxsize=1024)
def milliseconds(ts: str) -> int:
    """A time of a record as milliseconds since the epoch."""
    return (datetime.fromisoformat(ts) - _EPOCH) // _MILLISECOND


@functools.lru_cache(maxsize=2048)
def one_line(text: str, limit: int) -> str:
    """A text on one line. Texts of our records are clean; other programs' logs may contain anything."""
    return clean(text, limit)


def joined(head: str, fields: list[str], separator: str, limit: int = SIZE_LIMIT) -> bytes:
    """A line of fields. If it is too long, whole fields that do not fit are left out; the first fields are the most
    important.
    """
    line = (head + separator.join(fields)).encode("utf-8", "replace")
    if len(line) <= limit:
        return line
    room = limit - len(head.encode("utf-8", "replace"))
    kept = []
    for field in fields:
        size = len(field.encode("utf-8", "replace")) + len(separator)
        if size <= room:
            kept.append(field)
            room -= size
    return (head + separator.join(kept)).encode("utf-8", "replace")


def techniques(about: Body) -> list[tuple[str, tuple[str, str], tuple[str, str] | None]]:
    """Tactic, technique and sub-technique (id, name) of each technique; parent techniques have the name in ATT&CK."""
    found = []
    for one in about.get("attack", ()):
        parent, _, sub = one["technique"].partition(".")
        known = TECHNIQUES.get(one["technique"])
        named = known.name.partition(": ")[0] if known and sub else one["name"]
        found.append((one["tactic"], (parent, named), (one["technique"], one["name"]) if sub else None))
    return found
