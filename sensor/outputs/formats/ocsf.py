"""Open Cybersecurity Schema Framework, version 1: devices as Device Inventory Info (5001), alerts as Detection Finding
(2004), incidents as Incident Finding (2005), starts and stops of the sensor as Application Lifecycle (6002). Other
events about the sensor are a Base Event, their figures ``unmapped``; so is a recommendation, which is neither an attack
nor a breach of a standard.

Times are milliseconds. ``metadata.uid`` is the event's id, ``finding_info.uid`` that of the alert: the same from open
to close.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sensor.core.record import Record
from sensor.core.record_json import encoded
from sensor.core.record_parts import filled
from sensor.outputs.formats._view import PRODUCT, TACTICS, VENDOR, Body, View, milliseconds, techniques, view

VERSION = "1.5.0"
SEVERITIES = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
OTHER = 99
_FINDING = {"open": (1, "Create"), "update": (2, "Update"), "close": (3, "Close")}
_STATES = {"open": (1, "New"), "update": (2, "In Progress"), "close": (4, "Resolved")}
_INCIDENT_STATES = {**_STATES, "close": (5, "Closed")}
_LIFE = {"started": (3, "Start"), "stopped": (4, "Stop")}
_COLLECT = (2, "Collect")
# Device types with a number in the schema; all others have 99 and their name.
_TYPES = {"unknown": 0, "server": 1, "tablet": 4, "mobile": 5, "iot": 7, "firewall": 9, "switch": 10}
_DIRECTIONS = {"inbound": (1, "Inbound"), "outbound": (2, "Outbound"), "internal": (3, "Lateral")}
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}
_SYSTEMS = (("windows", 100), ("android", 201), ("ipados", 302), ("ios", 301), ("macos", 300), ("linux", 200))


def encode(record: Body | Record) -> bytes:
    return encoded(body(record))


def body(record: Body | Record) -> Body:
    seen = view(record)
    return _CLASSES.get(seen.kind, _other)(seen)


def _base(seen: View, class_uid: int, activity: tuple[int, str], more: Body) -> Body:
    """Fields of every class, then ``more``."""
    fields, (severity_id, severity) = seen.record, SEVERITIES[seen.severity]
    sensor = seen.sensor
    product = {"name": PRODUCT, "vendor_name": VENDOR, "version": sensor.get("version"), "uid": sensor["id"]}
    metadata = {
        "version": VERSION,
        "uid": fields["id"],
        "product": filled(product),
        "sequence": sensor.get("seq"),
        "original_time": fields["ts"],
    }
    if "emitted" in fields:
        metadata["logged_time"] = milliseconds(fields["emitted"])
    if site := sensor.get("site"):
        metadata["labels"] = [f"site:{site}"]
    made = {
        "class_uid": class_uid,
        "category_uid": class_uid // 1000,
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": class_uid * 100 + activity[0],
        "time": milliseconds(fields["ts"]),
        "severity_id": severity_id,
        "severity": severity,
        "message": fields["msg"],
        "metadata": {key: value for key, value in metadata.items() if value is not None},
    }
    made.update((key, value) for key, value in more.items() if value not in (None, "", [], {}))
    return made


def _device(seen: View) -> Body:
    device = seen.about
    unmapped = {"action": seen.action} | {key: seen.record[key] for key in ("changes", "reason") if key in seen.record}
    fields = (
        "confidence",
        "confidences",
        "contested",
        "services",
        "roles",
        "attributes",
        "firmware",
        "serial",
        "owner",
        "criticality",
        "tags",
    )
    unmapped["device"] = {key: device[key] for key in fields if key in device}
    return _base(seen, 5001, _COLLECT, {"device": _device_object(device), "unmapped": filled(unmapped)})


def _device_object(device: Body) -> Body:
    made = {
        "uid": device["id"],
        **_type(device.get("type", "unknown")),
        "hostname": device.get("hostname"),
        "name": device.get("hostname"),
        "ip": next(iter(device.get("ips", ())), None),
        "mac": next(iter(device.get("macs", ())), None),
        "vlan_uid": str(device["vlan"]) if "vlan" in device else None,
        "vendor_name": device.get("vendor"),
        "model": device.get("model"),
        "hw_info": filled({"serial_number": device.get("serial")}),
        "os": _system(device["os"]) if "os" in device else None,
        "network_interfaces": _interfaces(device),
        "first_seen_time": milliseconds(device["first_seen"]),
        "last_seen_time": milliseconds(device["last_seen"]),
    }
    return {key: value for key, value in made.items() if value not in (None, "", [], {})}


def _type(name: str) -> Body:
    return {"type_id": _TYPES.get(name, OTHER), "type": name}


def _system(name: str) -> Body:
    small = name.lower()
    return {"name": name, "type_id": next((number for word, number in _SYSTEMS if word in small), OTHER)}


def _interfaces(device: Body) -> list[Body]:
    """The interfaces of a device. With several MACs or addresses, it is unknown which belong together."""
    ips, macs = device.get("ips", ()), device.get("macs", ())
    if len(ips) < 2 and len(macs) < 2:
        return []
    return [{"type_id": 0, "mac": mac} for mac in macs] + [{"type_id": 0, "ip": ip} for ip in ips]


def _alert(seen: View) -> Body:
    alert, record = seen.about, seen.record
    status = _STATES[seen.action]
    evidence = filled(
        {
            "src_endpoint": _endpoint(seen.src, seen.network),
            "dst_endpoint": _endpoint(seen.dst, seen.network),
            "connection_info": _connection(seen.network),
        }
    )
    if why := alert.get("why"):
        evidence["data"] = {"why": why, **filled({"numbers": alert.get("numbers")})}
    more = {
        "is_alert": True,
        "status_id": status[0],
        "status": status[1],
        "finding_info": _finding(alert, record["msg"]),
        "evidences": [evidence],
        "resources": [_resource(end) for end in record.get("targets", ())],
        "risk_score": alert["risk"],
        "confidence_score": round(100 * alert["confidence"]),
        "count": alert["count"],
        "start_time": milliseconds(alert["first"]),
        "end_time": milliseconds(alert["last"]),
        "remediation": {"desc": alert["advice"]} if "advice" in alert else None,
        "comment": alert.get("closed", {}).get("reason"),
        "unmapped": {key: alert[key] for key in ("key", "false_positives", "mute", "closed") if key in alert}
        | {key: record[key] for key in ("packets",) if key in record},
    }
    return _base(seen, 2004, _FINDING[seen.action], more)


def _finding(alert: Body, msg: str) -> Body:
    made = {
        "uid": alert["id"],
        "title": alert["title"],
        "desc": msg,
        "analytic": {"uid": alert["detector"], "name": alert["title"], "type_id": 1, "type": "Rule"},
        "attacks": _attacks(alert),
        "first_seen_time": milliseconds(alert["first"]),
        "last_seen_time": milliseconds(alert["last"]),
    }
    return filled(made)


def _attacks(about: Body) -> list[Body]:
    found = []
    for tactic, technique, sub in techniques(about):
        uid, name = TACTICS.get(tactic, (tactic, tactic))
        one: Body = {"tactic": {"uid": uid, "name": name}, "technique": {"uid": technique[0], "name": technique[1]}}
        if sub:
            one["sub_technique"] = {"uid": sub[0], "name": sub[1]}
        found.append(one)
    return found


def _endpoint(end: Body, network: Body) -> Body:
    """An end of an alert, in the VLAN in which it was seen."""
    if not end:
        return {}
    fields = {
        "ip": end.get("ip"),
        "port": end.get("port"),
        "mac": end.get("mac"),
        "hostname": end.get("hostname"),
        "uid": end.get("device"),
        "vlan_uid": str(network["vlan"]) if "vlan" in network else None,
    }
    made = {key: value for key, value in fields.items() if value}
    return made | _type(end["type"]) if "type" in end else made


def _connection(network: Body) -> Body:
    if not network:
        return {}
    direction = _DIRECTIONS.get(network.get("direction", ""), (0, "Unknown"))
    proto = network.get("proto", "")
    fields = {
        "protocol_name": proto,
        "protocol_num": _PROTOCOLS.get(proto),
        "community_uid": network.get("community_id"),
    }
    return {"direction_id": direction[0], "direction": direction[1], **filled(fields)}


def _resource(end: Body) -> Body:
    fields = {"uid": end.get("device"), "name": end.get("hostname"), "ip": end.get("ip"), "type": end.get("type")}
    return filled({**fields, "data": filled({"mac": end.get("mac")})})


def _incident(seen: View) -> Body:
    incident, status = seen.about, _INCIDENT_STATES[seen.action]
    chapters = [
        {
            "uid": one["alert"],
            "title": one["msg"],
            "analytic": {"uid": one["detector"], "type_id": 1, "type": "Rule"},
            "first_seen_time": milliseconds(one["ts"]),
        }
        for one in incident["story"]
    ]
    more = {
        "status_id": status[0],
        "status": status[1],
        "desc": seen.record["msg"],
        "finding_info_list": chapters,
        "attacks": _attacks(incident),
        "count": incident["count"],
        "start_time": milliseconds(incident["first"]),
        "end_time": milliseconds(incident["last"]),
        "observables": [
            {"name": "actors.ip", "type_id": 2, "type": "IP Address", "value": end["ip"]}
            for end in incident["actors"]
            if "ip" in end
        ],
        "unmapped": {
            "incident": {"uid": incident["id"], "key": incident["key"], "risk": incident["risk"]},
            "src": seen.src,
        }
        | {key: seen.record[key] for key in ("targets",) if key in seen.record},
    }
    return _base(seen, 2005, _FINDING[seen.action], more)


def _sensor(seen: View) -> Body:
    if seen.action not in _LIFE:
        return _other(seen)
    app = {"name": PRODUCT, "vendor_name": VENDOR, "version": seen.sensor.get("version"), "uid": seen.sensor["id"]}
    return _base(seen, 6002, _LIFE[seen.action], {"app": filled(app), "unmapped": seen.record.get("facts")})


def _other(seen: View) -> Body:
    unmapped: dict[str, Any] = {"kind": seen.kind, "action": seen.action}
    unmapped |= {
        key: seen.record[key]
        for key in ("recommendation", "src", "dst", "network", "capture", "facts")
        if key in seen.record
    }
    return _base(seen, 0, (OTHER, seen.action), {"unmapped": unmapped})


_CLASSES: dict[str, Callable[[View], Body]] = {
    "device": _device,
    "alert": _alert,
    "incident": _incident,
    "sensor": _sensor,
}
