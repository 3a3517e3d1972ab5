"""The event table in Log Analytics: its columns, and a record as a row. All kinds share one table; columns that a kind
does not have are absent.

``COLUMNS`` is both the table's schema and the stream declaration of a data collection rule. Names follow Azure's own
tables where possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Body = Mapping[str, Any]

TABLE, STREAM = "Sensor_CL", "Custom-Sensor_CL"
# Azure truncates longer texts.
TEXT_LIMIT = 32 * 1024


def _path(*keys: str) -> Callable[[Body], Any]:
    """The value at a path; None if absent."""

    def look(record: Body) -> Any:
        found: Any = record
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    return look


def _first(*looks: Callable[[Body], Any]) -> Callable[[Body], Any]:
    """The first text that is not empty."""
    return lambda record: next((found for look in looks if (found := look(record)) is not None), None)


def _about(key: str) -> Callable[[Body], Any]:
    """A field of the alert or the incident."""
    return _first(_path("alert", key), _path("incident", key))


def _finding(key: str) -> Callable[[Body], Any]:
    """A field of the alert, the incident or the recommendation."""
    return _first(_about(key), _path("recommendation", key))


def _device(key: str, end: str) -> Callable[[Body], Any]:
    """A field of the device, or of the source of an alert."""
    return _first(_path("device", key), _path("src", end))


def _attack(key: str) -> Callable[[Body], Any]:
    """The distinct techniques or tactics of a finding."""
    about = _about("attack")

    def look(record: Body) -> Any:
        named = about(record)
        if not isinstance(named, list):
            return None
        return (
            list(
                dict.fromkeys(
                    each[key] for each in named if isinstance(each, Mapping) and isinstance(each.get(key), str)
                )
            )
            or None
        )

    return look


# Name, type, source of the value.
_TABLE: tuple[tuple[str, str, Callable[[Body], Any]], ...] = (
    ("TimeGenerated", "datetime", _path("ts")),
    ("EventId", "string", _path("id")),
    ("Kind", "string", _path("kind")),
    ("Action", "string", _path("action")),
    ("Severity", "string", _path("severity")),
    ("Message", "string", _path("msg")),
    ("SchemaVersion", "string", _path("schema")),
    ("EmittedTime", "datetime", _path("emitted")),
    ("SensorId", "string", _path("sensor", "id")),
    ("SensorSite", "string", _path("sensor", "site")),
    ("SensorVersion", "string", _path("sensor", "version")),
    ("SequenceNumber", "long", _path("sensor", "seq")),
    ("AlertId", "string", _about("id")),
    ("Detector", "string", _path("alert", "detector")),
    ("Title", "string", _finding("title")),
    ("RiskScore", "int", _about("risk")),
    ("Confidence", "real", _first(_path("alert", "confidence"), _path("device", "confidence"))),
    ("EventCount", "long", _finding("count")),
    ("FirstSeen", "datetime", _first(_finding("first"), _path("device", "first_seen"))),
    ("LastSeen", "datetime", _first(_finding("last"), _path("device", "last_seen"))),
    ("Tactics", "dynamic", _attack("tactic")),
    ("Techniques", "dynamic", _attack("technique")),
    ("Reasons", "dynamic", _finding("why")),
    ("Numbers", "dynamic", _path("alert", "numbers")),
    ("Advice", "string", _first(_path("alert", "advice"), _path("recommendation", "fix"))),
    ("FalsePositives", "string", _path("alert", "false_positives")),
    ("Story", "dynamic", _path("incident", "story")),
    ("Closed", "dynamic", _about("closed")),
    ("SrcIpAddr", "string", _path("src", "ip")),
    ("SrcPortNumber", "int", _path("src", "port")),
    ("SrcMacAddr", "string", _path("src", "mac")),
    ("SrcHostname", "string", _path("src", "hostname")),
    ("SrcDeviceId", "string", _path("src", "device")),
    ("SrcDeviceType", "string", _path("src", "type")),
    ("DstIpAddr", "string", _path("dst", "ip")),
    ("DstPortNumber", "int", _path("dst", "port")),
    ("DstMacAddr", "string", _path("dst", "mac")),
    ("DstHostname", "string", _path("dst", "hostname")),
    ("DstDeviceId", "string", _path("dst", "device")),
    ("DstDeviceType", "string", _path("dst", "type")),
    ("Targets", "dynamic", _path("targets")),
    ("NetworkProtocol", "string", _path("network", "proto")),
    ("NetworkApplication", "string", _path("network", "app")),
    ("NetworkDirection", "string", _path("network", "direction")),
    ("VlanId", "int", _first(_path("network", "vlan"), _path("device", "vlan"))),
    ("CommunityId", "string", _path("network", "community_id")),
    ("DeviceId", "string", _device("id", "device")),
    ("DeviceName", "string", _device("hostname", "hostname")),
    ("DeviceType", "string", _device("type", "type")),
    ("DeviceVendor", "string", _path("device", "vendor")),
    ("DeviceModel", "string", _path("device", "model")),
    ("DeviceFirmware", "string", _path("device", "firmware")),
    ("DeviceSerial", "string", _path("device", "serial")),
    ("DeviceOs", "string", _path("device", "os")),
    ("DeviceIpAddrs", "dynamic", _path("device", "ips")),
    ("DeviceMacAddrs", "dynamic", _path("device", "macs")),
    ("DeviceServices", "dynamic", _path("device", "services")),
    ("Changes", "dynamic", _path("changes")),
    ("Evidence", "dynamic", _path("evidence")),
    ("Packets", "dynamic", _path("packets")),
    ("Facts", "dynamic", _path("facts")),
)
COLUMNS: tuple[tuple[str, str], ...] = tuple((name, kind) for name, kind, _ in _TABLE)

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "datetime": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int and abs(value) < 1 << 31,
    "long": lambda value: type(value) is int and abs(value) < 1 << 63,
    "real": lambda value: isinstance(value, int | float),
    "dynamic": lambda value: isinstance(value, list | Mapping),
}


def row(record: Body) -> dict[str, Any]:
    """A record as a row. A value whose type does not match its column (a redacted one, for example) becomes text in
    text columns, and is absent elsewhere.
    """
    made: dict[str, Any] = {}
    for name, kind, look in _TABLE:
        value = look(record)
        if value is None:
            continue
        if kind == "string":
            made[name] = (value if isinstance(value, str) else str(value))[:TEXT_LIMIT]
        elif _TYPES[kind](value):
            made[name] = value
    return made
