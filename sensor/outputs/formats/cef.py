"""Common Event Format, version 0, as ArcSight published it and most collectors read it.

Header texts escape backslash and pipe, values escape backslash, equals sign and line ends. ``src`` and ``dst`` hold
IPv4 only; IPv6 goes to ``c6a2`` and ``c6a3`` under the labels that collectors know. A device's record has the device as
its source. Lengths are those of the published dictionary.
"""

from __future__ import annotations

from typing import Any

from sensor.core.record import Record
from sensor.outputs.formats._view import PRODUCT, VENDOR, Body, View, joined, milliseconds, one_line, view

SEVERITIES = {"info": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}
NAME_LIMIT, CODE_LIMIT = 512, 1023
TEXT_LIMIT = 1023
_DIRECTIONS = {"inbound": 0, "outbound": 1}


def encode(record: Body | Record) -> bytes:
    seen = view(record)
    return joined(
        header(seen.sensor.get("version", ""), seen.code, seen.title, SEVERITIES[seen.severity]), _fields(seen), " "
    )


def header(version: str, code: str, name: str, severity: int, product: str = PRODUCT) -> str:
    fields = [head(VENDOR, 63), head(product, 63), head(version, 31), head(code, CODE_LIMIT), head(name, NAME_LIMIT)]
    return f"CEF:0|{'|'.join(fields)}|{severity}|"


def head(text: str, limit: int) -> str:
    """A text of the header: one line, with escaped pipes and backslashes."""
    text = one_line(text, limit)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace("|", "\\|") if "|" in text else text


def field(key: str, value: Any) -> str:
    """One pair of the extension."""
    if not isinstance(value, str):
        return f"{key}={value}"
    value = value[:TEXT_LIMIT]
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "=" in value:
        value = value.replace("=", "\\=")
    if not value.isprintable():
        value = value.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\r")
        value = "".join([c if c.isprintable() else " " for c in value])
    return f"{key}={value}"


def _fields(seen: View) -> list[str]:
    """The most important fields first: long lines lose their end."""
    record, about, sensor = seen.record, seen.about, seen.sensor
    pairs: list[tuple[str, Any]] = [
        ("rt", milliseconds(record["ts"])),
        ("externalId", record["id"]),
        ("cat", seen.kind),
        ("act", seen.action),
        *_end(seen.src, "s", "src", "c6a2", "Source IPv6 Address"),
        *_end(seen.dst, "d", "dst", "c6a3", "Destination IPv6 Address"),
        ("msg", record["msg"]),
        ("dvchost", sensor["id"]),
        ("deviceExternalId", sensor["id"]),
        ("deviceFacility", sensor.get("site")),
        ("proto", seen.network.get("proto", "").upper()),
        ("app", seen.network.get("app")),
        ("deviceDirection", _DIRECTIONS.get(seen.network.get("direction", ""))),
        ("cnt", about.get("count")),
        *_times(about),
        *_labelled("cn1", "risk", about.get("risk")),
        *_labelled("cn2", "seq", sensor.get("seq")),
        *_labelled("cn3", "vlan", seen.network.get("vlan") or about.get("vlan")),
        *_labelled("cfp1", "confidence", about.get("confidence")),
        *_labelled("cs1", f"{seen.kind} id", about.get("id")),
        *_labelled("cs2", "attack", ", ".join([one["technique"] for one in about.get("attack", ())])),
        *_labelled("cs3", "type", seen.src.get("type")),
        *_labelled("cs4", "vendor", about.get("vendor")),
        *_labelled("cs5", "model", about.get("model")),
        *_labelled("cs6", "community_id", seen.network.get("community_id")),
        ("reason", "; ".join(about["why"]) if "why" in about else record.get("reason")),
        ("fname", record["packets"]["file"] if "packets" in record else None),
    ]
    return [field(key, value) for key, value in pairs if value not in (None, "")]


def _end(end: Body, letter: str, ip: str, ip6: str, label: str) -> list[tuple[str, Any]]:
    if not end:
        return []
    address = end.get("ip", "")
    fields: list[tuple[str, Any]] = [(ip, address)] if ":" not in address else [(ip6, address), (f"{ip6}Label", label)]
    return [
        *fields,
        (f"{letter}pt", end.get("port")),
        (f"{letter}mac", end.get("mac")),
        (f"{letter}host", end.get("hostname")),
    ]


def _times(about: Body) -> list[tuple[str, Any]]:
    first, last = about.get("first") or about.get("first_seen"), about.get("last") or about.get("last_seen")
    return [("start", milliseconds(first)), ("end", milliseconds(last))] if first and last else []


def _labelled(key: str, label: str, value: Any) -> list[tuple[str, Any]]:
    return [] if value in (None, "") else [(key, value), (f"{key}Label", label)]
