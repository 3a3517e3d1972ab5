"""CEF with the keys of the lines that Defender for IoT sensors forward, for collectors that have parsers for those.

Keys, their order, the values of ``severity``, ``type`` and ``cat`` are as documented by Microsoft ("Forward on-premises
OT alert information"); the header keeps our own vendor and has the sensor as its product, the detector as its class.
Devices have their own rows (``device_info``): they are omitted here.
"""

from __future__ import annotations

from sensor.core.record import Record
from sensor.outputs.formats._view import Body, View, joined, view
from sensor.outputs.formats.cef import field, header

SEVERITIES = {
    "info": (1, "Warning"),
    "low": (1, "Warning"),
    "medium": (4, "Minor"),
    "high": (8, "Major"),
    "critical": (10, "Critical"),
}
KINDS = frozenset(("alert", "incident"))

# Engine and alert group, by the folder of the detector.
_GROUPS = {
    "camera": ("Policy Violation", "Unauthorized communication behavior"),
    "command_and_control": ("Malware", "Suspicion of malware"),
    "credential_access": ("Anomaly", "Authentication"),
    "device": ("Policy Violation", "Discovery"),
    "discovery": ("Anomaly", "Scan"),
    "exfiltration": ("Anomaly", "Bandwidth anomalies"),
    "exposure": ("Policy Violation", "Unauthorized communication behavior"),
    "lateral_movement": ("Anomaly", "Remote access"),
    "printing": ("Policy Violation", "Unauthorized communication behavior"),
    "voice": ("Anomaly", "Abnormal communication behavior"),
}
_OTHERS = ("Anomaly", "Suspicion of malicious activity")
_OPERATION = ("Operational", "Operational issues")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def encode(record: Body | Record) -> bytes | None:
    """Alerts, incidents and health of the sensor; None for the rest."""
    seen = view(record)
    if seen.kind not in KINDS and seen.code != "sensor.health":
        return None
    number, _ = SEVERITIES[seen.severity]
    return joined(
        header(seen.sensor.get("version", ""), seen.code, seen.title, number, seen.sensor["id"]), _fields(seen), " "
    )


def _fields(seen: View) -> list[str]:
    kind, group = _OPERATION if seen.kind == "sensor" else _GROUPS.get(seen.code.partition(".")[0], _OTHERS)
    protocol = seen.network.get("app") or seen.network.get("proto") or "NA"
    pairs = [
        ("msg", seen.record["msg"]),
        ("protocol", protocol.upper()),
        ("severity", SEVERITIES[seen.severity][1]),
        ("type", kind),
        ("UUID", seen.record["id"]),
        ("start", _start(seen.record["ts"])),
        ("src_ip", seen.src.get("ip")),
        ("src_mac", seen.src.get("mac")),
        ("dst_ip", seen.dst.get("ip")),
        ("dst_mac", seen.dst.get("mac")),
        ("cat", group),
    ]
    return [field(key, value) for key, value in pairs if value]


def _start(ts: str) -> str:
    """``Nov 24 2026 09:14:07.318``: the time format in the CEF documentation, in UTC."""
    return f"{_MONTHS[int(ts[5:7])]} {ts[8:10]} {ts[:4]} {ts[11:23]}"
