"""Shared by both syslog formats: priority, structured data elements, valid names in headers."""

from __future__ import annotations

import re
from typing import Any

from sensor.outputs.formats._view import PRODUCT, View, one_line

# local0: receivers sort by it, and usual system programs do not use it.
FACILITY = 16
APP = PRODUCT
SEVERITIES = {"info": 6, "low": 5, "medium": 4, "high": 3, "critical": 2}
# The enterprise number that RFC 5612 reserves for examples; the project has no registered one.
ENTERPRISE = 32473
TEXT_LIMIT = 512

_NO_NAME = re.compile(r"[^\x21-\x7e]")


def priority(severity: str, facility: int) -> str:
    return f"<{facility * 8 + SEVERITIES[severity]}>"


def name(text: str, limit: int) -> str:
    """Printable ASCII without spaces, or a dash if nothing is left."""
    return _NO_NAME.sub("", text)[:limit] or "-"


def parameters(seen: View) -> list[str]:
    """The event as parameters of one element; the most important first."""
    record, about, src, dst, network = seen.record, seen.about, seen.src, seen.dst, seen.network
    values = {
        "id": record["id"],
        "ts": record["ts"],
        "kind": seen.kind,
        "action": seen.action,
        "severity": seen.severity,
        "detector": about.get("detector"),
        "src": src.get("ip"),
        "srcPort": src.get("port"),
        "srcMac": src.get("mac"),
        "dst": dst.get("ip"),
        "dstPort": dst.get("port"),
        "dstMac": dst.get("mac"),
        "seq": seen.sensor.get("seq"),
        f"{seen.kind}Id": about.get("id"),
        "risk": about.get("risk"),
        "attack": ",".join([one["technique"] for one in about.get("attack", ())]),
        "proto": network.get("proto"),
        "app": network.get("app"),
        "vlan": network.get("vlan") or about.get("vlan"),
        "communityId": network.get("community_id"),
        "title": about.get("title"),
        "srcHost": src.get("hostname"),
        "dstHost": dst.get("hostname"),
        "type": src.get("type"),
        "vendor": about.get("vendor"),
        "model": about.get("model"),
        "site": seen.sensor.get("site"),
    }
    return [parameter(key, value) for key, value in values.items() if value not in (None, "")]


def parameter(key: str, value: Any) -> str:
    """``key="value"``: quotes, backslashes and closing brackets are escaped (RFC 5424, 6.3.3)."""
    if not isinstance(value, str):
        return f'{key}="{value}"'
    value = one_line(value, TEXT_LIMIT)
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    if "]" in value:
        value = value.replace("]", "\\]")
    return f'{key}="{value}"'
