"""Elastic Common Schema, version 8: documents for Elasticsearch and OpenSearch.

What the schema has a word for is there; the rest is below ``sensor`` under its native name. MAC addresses are
written as the schema asks (upper case, dashes). Evidence is left to the native format: it would make thousands of
fields.
"""

from __future__ import annotations

from typing import Any

from sensor.core.record import Record
from sensor.core.record_json import encoded
from sensor.core.record_parts import filled
from sensor.outputs.formats._view import PRODUCT, TACTICS, VENDOR, Body, View, techniques, view

VERSION = "8.17.0"
SEVERITIES = {"info": 10, "low": 30, "medium": 50, "high": 70, "critical": 90}
_KINDS = {"device": "asset", "alert": "alert", "incident": "alert"}
_CATEGORIES = {
    "device": ["host"],
    "alert": ["intrusion_detection", "network"],
    "incident": ["intrusion_detection", "network"],
    "recommendation": ["configuration"],
}
_TYPES = {"new": "start", "gone": "end", "started": "start", "stopped": "end"}
_CHANGES = frozenset(("changed", "address_changed", "merged", "split", "config"))
_OWN = (
    *(
        "id",
        "key",
        "count",
        "confidence",
        "why",
        "numbers",
        "risk_terms",
        "advice",
        "false_positives",
        "mute",
        "closed",
        "actors",
        "story",
        "left_out",
    ),
    *("seen", "fix", "product", "maker", "steps", "test"),
)
_OWN_DEVICE = (
    "confidence",
    "confidences",
    "contested",
    "services",
    "roles",
    "attributes",
    "tags",
    "owner",
    "criticality",
    "firmware",
    "randomised_mac",
)
_OWN_RECORD = ("targets", "changes", "packets", "capture", "facts", "cut")


def encode(record: Body | Record) -> bytes:
    return encoded(body(record))


def body(record: Body | Record) -> Body:
    seen = view(record)
    fields, network = seen.record, seen.network
    made: Body = {
        "@timestamp": fields["ts"],
        "ecs": {"version": VERSION},
        "message": fields["msg"],
        "event": _event(seen),
        "observer": _observer(seen.sensor),
        "sensor": _own(seen),
    }
    if seen.kind == "device":
        made["host"], made["device"] = _host(seen.about), _device(seen.about)
    else:
        made["source"], made["destination"] = _end(seen.src), _end(seen.dst)
        made["threat"] = _threat(seen.about)
    if "detector" in seen.about or "setting" in seen.about:
        made["rule"] = {
            "id": seen.about.get("setting", seen.code),
            "name": seen.title,
            "category": seen.code.partition(".")[0],
        }
    if network:
        made["network"] = filled(
            {
                "transport": network.get("proto"),
                "protocol": network.get("app"),
                "direction": network.get("direction"),
                "community_id": network.get("community_id"),
            }
        )
    if vlan := network.get("vlan") or seen.about.get("vlan"):
        made.setdefault("network", {})["vlan"] = {"id": str(vlan)}
    made["related"] = _related(seen)
    return filled(made)


def mac_text(mac: str) -> str:
    """``00-17-C8-1A-2B-3C``."""
    return mac.upper().replace(":", "-")


def _event(seen: View) -> Body:
    fields, about = seen.record, seen.about
    return filled(
        {
            "id": fields["id"],
            "kind": _KINDS.get(seen.kind, "metric" if seen.action in ("summary", "health") else "event"),
            "category": _CATEGORIES.get(seen.kind),
            "type": ["change" if seen.action in _CHANGES else _TYPES.get(seen.action, "info")],
            "action": f"{seen.kind}-{seen.action}",
            "code": seen.code,
            "dataset": f"{PRODUCT}.{seen.kind}",
            "module": PRODUCT,
            "severity": SEVERITIES[seen.severity],
            "risk_score": about.get("risk"),
            "sequence": seen.sensor.get("seq"),
            "created": fields.get("emitted"),
            "start": about.get("first") or about.get("first_seen"),
            "end": about.get("last") or about.get("last_seen"),
            "reason": fields.get("reason"),
        }
    )


def _observer(sensor: Body) -> Body:
    fields = {
        "name": sensor["id"],
        "type": "sensor",
        "vendor": VENDOR,
        "product": PRODUCT,
        "version": sensor.get("version"),
    }
    return filled({**fields, "geo": filled({"name": sensor.get("site")})})


def _own(seen: View) -> Body:
    own = {"kind": seen.kind, "action": seen.action, "severity": seen.severity, "schema": seen.record.get("schema")}
    about: Body = {
        key: seen.about[key] for key in (_OWN_DEVICE if seen.kind == "device" else _OWN) if key in seen.about
    }
    rest: dict[str, Any] = {key: seen.record[key] for key in _OWN_RECORD if key in seen.record}
    return filled(
        {**own, seen.kind: about, **rest, "src": _party(seen.src), "dst": _party(seen.dst)}
        if seen.kind != "device"
        else {**own, "device": about, **rest}
    )


def _party(end: Body) -> Body:
    return filled({"device": end.get("device"), "type": end.get("type")})


def _end(end: Body) -> Body:
    address = end.get("ip")
    mac = end.get("mac")
    fields = {
        "address": address or end.get("hostname"),
        "ip": address,
        "port": end.get("port"),
        "mac": mac_text(mac) if mac else None,
    }
    return filled({**fields, "domain": end.get("hostname")})


def _host(device: Body) -> Body:
    fields = {
        "id": device["id"],
        "name": device.get("hostname"),
        "hostname": device.get("hostname"),
        "type": device.get("type"),
        "ip": device.get("ips"),
    }
    return filled(
        {
            **fields,
            "mac": [mac_text(mac) for mac in device.get("macs", ())],
            "os": filled({"name": device.get("os"), "full": device.get("os")}),
        }
    )


def _device(device: Body) -> Body:
    fields = {"id": device["id"], "manufacturer": device.get("vendor"), "serial_number": device.get("serial")}
    return filled({**fields, "model": filled({"name": device.get("model")})})


def _threat(about: Body) -> Body:
    named = techniques(about)
    if not named:
        return {}
    tactics = [TACTICS.get(one, (one, one)) for one in dict.fromkeys(tactic for tactic, _, _ in named)]
    parents = dict(parent for _, parent, _ in named)
    subs = dict(sub for _, _, sub in named if sub)
    technique: Body = {"id": list(parents), "name": list(parents.values())}
    if subs:
        technique["subtechnique"] = {"id": list(subs), "name": list(subs.values())}
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": [one for one, _ in tactics], "name": [name for _, name in tactics]},
        "technique": technique,
    }


def _related(seen: View) -> Body:
    """All addresses and names, so that one search finds a host in any field."""
    ends = [seen.src, seen.dst, *seen.record.get("targets", ()), *seen.about.get("actors", ())]
    ips = [*seen.about.get("ips", ()), *[end["ip"] for end in ends if "ip" in end]]
    hosts = [end["hostname"] for end in ends if "hostname" in end]
    return filled({"ip": list(dict.fromkeys(ips)), "hosts": list(dict.fromkeys(hosts))})
