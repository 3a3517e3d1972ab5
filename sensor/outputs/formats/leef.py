"""Log Event Extended Format, version 2.0, with tabs between attributes.

The format has no escapes: what would end an attribute (tabs, line ends, other control characters) becomes a space, and
a pipe of the header a slash. Known attributes are worded as IBM published them, ours follow. ``devTime`` is in
milliseconds; ``ts`` is the exact time.
"""

from __future__ import annotations

from typing import Any

from sensor.core.record import Record
from sensor.outputs.formats._view import PRODUCT, VENDOR, Body, View, joined, milliseconds, one_line, view
from sensor.outputs.formats.cef import SEVERITIES

TEXT_LIMIT = 1024
_HEAD_LIMIT = 255


def encode(record: Body | Record) -> bytes:
    seen = view(record)
    header = [
        one_line(one, _HEAD_LIMIT).replace("|", "/")
        for one in (VENDOR, PRODUCT, seen.sensor.get("version", ""), seen.code)
    ]
    return joined(f"LEEF:2.0|{'|'.join(header)}|x09|", _fields(seen), "\t")


def _fields(seen: View) -> list[str]:
    return [
        f"{key}={one_line(value, TEXT_LIMIT) if isinstance(value, str) else value}"
        for key, value in _pairs(seen)
        if value not in (None, "")
    ]


def _pairs(seen: View) -> list[tuple[str, Any]]:
    """The most important attributes first: long lines lose their end."""
    record, about = seen.record, seen.about
    return [
        ("devTime", milliseconds(record["ts"])),
        ("externalId", record["id"]),
        ("cat", seen.kind),
        ("sev", SEVERITIES[seen.severity]),
        ("src", seen.src.get("ip")),
        ("dst", seen.dst.get("ip")),
        ("srcPort", seen.src.get("port")),
        ("dstPort", seen.dst.get("port")),
        ("srcMAC", seen.src.get("mac")),
        ("dstMAC", seen.dst.get("mac")),
        ("proto", seen.network.get("proto", "").upper()),
        ("identHostName", seen.sensor["id"]),
        ("ts", record["ts"]),
        ("action", seen.action),
        ("title", seen.title),
        ("msg", record["msg"]),
        ("srcHostName", seen.src.get("hostname")),
        ("dstHostName", seen.dst.get("hostname")),
        ("site", seen.sensor.get("site")),
        ("seq", seen.sensor.get("seq")),
        (f"{seen.kind}Id", about.get("id")),
        ("risk", about.get("risk")),
        ("count", about.get("count")),
        ("confidence", about.get("confidence")),
        ("attack", ",".join([one["technique"] for one in about.get("attack", ())])),
        ("type", seen.src.get("type")),
        ("vendor", about.get("vendor")),
        ("model", about.get("model")),
        ("app", seen.network.get("app")),
        ("vlan", seen.network.get("vlan") or about.get("vlan")),
        ("communityId", seen.network.get("community_id")),
        ("reason", "; ".join(about["why"]) if "why" in about else record.get("reason")),
    ]
