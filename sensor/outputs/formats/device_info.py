"""Devices as rows with the column names of ``DeviceInfo`` in Defender's advanced hunting, so that saved queries and
workbooks carry over.

Columns are those that Microsoft documents; columns about the cloud service, its agent and its users have nothing to
hold here and are absent. What has no column (addresses, services, confidence) is in ``AdditionalFields``, JSON as
text. Only devices have rows.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sensor.core.record import Record
from sensor.core.record_json import encoded
from sensor.outputs.formats._view import Body, View, view

# As text within JSON it may double in size, and must not be truncated there.
_MORE_LIMIT = 24 * 1024
_ENCODER = msgspec.json.Encoder()
# The reason of a merge begins with the id that no longer exists.
_LOST = re.compile(r"dev-[0-9a-z]+")

ENDPOINT, NETWORK, THINGS, UNKNOWN = "Endpoint", "NetworkDevice", "IoT", "Unknown"

# Device type → category, type and subtype. Other types are IoT devices with their own name.
_TYPES = {
    "workstation": (ENDPOINT, "Workstation", ""),
    "server": (ENDPOINT, "Server", ""),
    "mobile": (ENDPOINT, "Mobile", "Smartphone"),
    "tablet": (ENDPOINT, "Mobile", "Tablet"),
    "wearable": (ENDPOINT, "Mobile", "Wearable"),
    "router": (NETWORK, "NetworkDevice", "Router"),
    "switch": (NETWORK, "NetworkDevice", "Switch"),
    "firewall": (NETWORK, "NetworkDevice", "Firewall"),
    "access_point": (NETWORK, "NetworkDevice", "AccessPoint"),
    "wireless_controller": (NETWORK, "NetworkDevice", "WirelessController"),
    "printer": (THINGS, "Printer", ""),
    "label_printer": (THINGS, "Printer", "LabelPrinter"),
    "voip_phone": (THINGS, "Communication", "VoipPhone"),
    "conferencing": (THINGS, "AudioAndVideo", "Conferencing"),
    "tv": (THINGS, "AudioAndVideo", "Television"),
    "media_player": (THINGS, "AudioAndVideo", "MediaPlayer"),
    "speaker": (THINGS, "AudioAndVideo", "Speaker"),
    "signage": (THINGS, "AudioAndVideo", "Signage"),
    "camera": (THINGS, "Surveillance", "Camera"),
    "nvr": (THINGS, "Surveillance", "Recorder"),
    "game_console": (THINGS, "GamingConsole", ""),
    "appliance": (THINGS, "SmartAppliance", ""),
    "unknown": (UNKNOWN, "Unknown", ""),
}
_CAN_BE_ONBOARDED = frozenset(("workstation", "server", "mobile", "tablet"))
_VALUES = {"low": "Low", "medium": "Normal", "high": "High", "critical": "High"}
_MORE = (
    "ips",
    "macs",
    "names",
    "vlan",
    "firmware",
    "serial",
    "services",
    "roles",
    "attributes",
    "confidence",
    "contested",
    "owner",
    "randomised_mac",
)


def encode(record: Body | Record) -> bytes | None:
    row = body(record)
    return None if row is None else encoded(row)


def body(record: Body | Record) -> Body | None:
    """The row of a device; None for records of other kinds."""
    seen = view(record)
    if seen.kind != "device":
        return None
    device = seen.about
    category, kind, subtype = _type(device.get("type", "unknown"))
    row: dict[str, Any] = {
        "Timestamp": seen.record["ts"],
        "DeviceId": device["id"],
        "DeviceName": device.get("hostname"),
        "ClientVersion": seen.sensor.get("version"),
        "OSPlatform": device.get("os"),
        "MachineGroup": seen.sensor.get("site"),
        "ReportId": seen.sensor.get("seq"),
        "OnboardingStatus": _onboarding(device.get("type", "unknown")),
        "DeviceCategory": category,
        "DeviceType": kind,
        "DeviceSubtype": subtype,
        "Model": device.get("model"),
        "Vendor": device.get("vendor"),
        "MergedDeviceIds": _merged(seen),
        "AssetValue": _VALUES.get(device.get("criticality", "")),
        "DeviceManualTags": _text(device["tags"]) if "tags" in device else None,
        "AdditionalFields": encoded(_additional(seen), _MORE_LIMIT).decode(),
    }
    return {key: value for key, value in row.items() if value not in (None, "")}


def _type(name: str) -> tuple[str, str, str]:
    return _TYPES.get(name) or (
        THINGS,
        "".join([part.capitalize() for part in name.split("_")]) if name != "iot" else THINGS,
        "",
    )


def _onboarding(name: str) -> str:
    if name == "unknown":
        return "Insufficient info"
    return "Can be onboarded" if name in _CAN_BE_ONBOARDED else "Unsupported"


def _merged(seen: View) -> str | None:
    lost = _LOST.match(seen.record.get("reason", "")) if seen.action == "merged" else None
    return lost[0] if lost else None


def _additional(seen: View) -> Body:
    device = seen.about
    row = {
        "EventId": seen.record["id"],
        "Action": seen.action,
        "SensorId": seen.sensor["id"],
        "FirstSeen": device["first_seen"],
        "LastSeen": device["last_seen"],
    }
    return row | {
        "".join([part.capitalize() for part in key.split("_")]): device[key] for key in _MORE if key in device
    }


def _text(value: Any) -> str:
    return _ENCODER.encode(value).decode()
